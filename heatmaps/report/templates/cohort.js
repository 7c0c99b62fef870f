"use strict";
(function () {
  const table = document.getElementById("cohort"), body = table.tBodies[0], rows = Array.from(body.rows);
  const find = document.getElementById("find"), least = document.getElementById("least"), most = document.getElementById("most");
  const kind = document.getElementById("class"), shown = document.getElementById("shown");

  function filter() {
    const text = find.value.trim().toLowerCase(), key = "p" + (kind ? kind.value : "0");
    const low = least.value === "" ? 0 : least.value / 100, high = most.value === "" ? 1 : most.value / 100;
    let count = 0;
    rows.forEach(function (row) {
      const value = Number(row.dataset[key]);
      row.hidden = !(row.dataset.name.toLowerCase().includes(text) && value >= low && value <= high);
      count += !row.hidden;
    });
    shown.textContent = shown.dataset.words.replace("{n}", count).replace("{all}", rows.length);
  }

  function sort(head) {
    const key = head.dataset.key, down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("[aria-sort]").forEach(function (one) { one.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort(function (a, b) {
      const x = a.dataset[key], y = b.dataset[key];
      const order = key === "name" ? x.localeCompare(y, document.documentElement.lang, { numeric: true }) : x - y;
      return down ? -order : order;
    });
    body.append(...rows);
  }

  table.querySelectorAll("th[data-key]").forEach(function (head) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", function () { sort(head); });
  });
  [find, least, most, kind].forEach(function (field) { if (field) field.addEventListener("input", filter); });
  document.getElementById("filters").hidden = false;
  filter();
})();
