// The questions of a picture: drawn once, filled for each picture, answered by mouse, touch and keys.
function makeQuestions(kit, words, form, valueOf, change) {
  const numeric = (question) => question.kind !== "checks";
  const many = kit.questions.filter(numeric).length > 1;
  let active = null, typed = "";

  function element(name, text, values) {
    const made = Object.assign(document.createElement(name), values || {});
    if (text) { made.textContent = text; }
    return made;
  }
  const named = (question) => question.side ? question.text + " · " + words[question.side] : question.text;
  const fieldOf = (question) => form.querySelector('[data-question="' + question.id + '"]');
  const hints = { checks: words.none_needed, percent: words.percent_hint, scale: words.scale_hint };

  function choices(question) {
    const cannot = { value: "cannot_judge", text: words.cannot_judge, key: "0", apart: true };
    if (question.kind === "decision") {
      return [{ value: 1, text: words.yes, key: words.key_yes }, { value: 0, text: words.no, key: words.key_no }];
    }
    if (question.kind === "prefer") {
      return [{ value: "left", text: words.left, key: "L" }, { value: "equal", text: words.equal, key: "=" },
        { value: "right", text: words.right, key: "R" }, cannot];
    }
    const points = [1, 2, 3, 4, 5].map((value) => ({ value: value, text: String(value), key: String(value),
      end: value === 1 ? question.low : value === 5 ? question.high : "" }));
    return question.cannot_judge ? points.concat(cannot) : points;
  }
  function draw() {
    kit.questions.forEach((question) => {
      const field = element("fieldset"), legend = element("legend", named(question));
      field.dataset.question = question.id;
      field.className = "ask " + question.kind + (question.side ? " of-" + question.side : "");
      if (hints[question.kind] && !question.side) { legend.append(element("small", hints[question.kind])); }
      field.append(legend);
      const make = { checks: drawChecks, percent: drawPercent }[question.kind] || drawPoints;
      make(field, question);
      field.append(element("p", "", { className: "first", hidden: true }));
      field.addEventListener("focusin", () => activate(question));
      form.append(field);
    });
  }
  function drawChecks(field, question) {
    const list = element("div", "", { className: "options" });
    question.options.forEach((option) => {
      const label = element("label", "", { className: "option" });
      const input = element("input", "", { type: "checkbox", name: question.id, value: option.id });
      input.addEventListener("change", () => tick(question, option, input.checked));
      label.append(input, element("span", option.text), element("kbd", option.key));
      list.append(label);
    });
    field.append(list);
  }
  function drawPoints(field, question) {
    const offered = choices(question), points = element("div", "", { className: "points" });
    points.classList.toggle("wide", question.kind === "scale" && question.cannot_judge);
    offered.forEach((one) => {
      const label = element("label", "", { className: one.apart ? "point apart" : "point" });
      const input = element("input", "", { type: "radio", name: question.id, value: String(one.value) });
      input.addEventListener("change", () => answer(question, one.value));
      if (question.kind === "scale" && !one.apart) {
        input.setAttribute("aria-label", one.end ? one.text + ", " + one.end : one.text);
      }
      label.append(input, element("span", one.text));
      if (question.kind !== "scale" || one.apart) { label.append(element("kbd", one.key)); }
      points.append(label);
    });
    field.append(points);
    if (question.kind === "scale") { field.append(ends("1: " + question.low, "5: " + question.high)); }
  }
  function ends(low, high) {
    const line = element("div", "", { className: "ends" });
    line.append(element("span", low), element("span", high));
    return line;
  }
  function drawPercent(field, question) {
    const row = element("div", "", { className: "slide" }), shown = element("output", "–");
    const input = element("input", "", { type: "range", min: 0, max: 100, step: 1, name: question.id });
    input.setAttribute("aria-label", named(question));
    const take = () => answer(question, Number(input.value));
    input.addEventListener("input", take);
    // A click on the place where the thumb happens to stand is an answer, too.
    input.addEventListener("click", take);
    row.append(input, shown);
    field.append(row, ends("0: " + question.low, "100: " + question.high));
  }

  function answer(question, value) { if (!form.inert && change(question, value)) { fill(); } }
  function tick(question, option, on) {
    const before = valueOf(question) || [];
    const kept = before.filter((id) => id !== option.id
      && !(on && (option.alone || question.options.some((other) => other.id === id && other.alone))));
    const chosen = on ? kept.concat(option.id) : kept;
    answer(question, question.options.map((other) => other.id).filter((id) => chosen.includes(id)));
  }
  function fill() {
    kit.questions.forEach((question) => {
      const value = valueOf(question), field = fieldOf(question);
      field.classList.toggle("answered", value !== undefined);
      field.querySelectorAll("input").forEach((input) => {
        if (input.type === "range") {
          input.value = value === undefined ? 50 : value;
          input.setAttribute("aria-valuetext", value === undefined ? words.not_answered : String(value));
          field.querySelector("output").textContent = value === undefined ? "–" : String(value);
        } else {
          input.checked = Array.isArray(value) ? value.includes(input.value) : String(value) === input.value;
        }
      });
    });
  }
  // In the second stage the first answers stand beside the questions.
  function compare(first) {
    kit.questions.forEach((question) => {
      const line = fieldOf(question).querySelector(".first"), value = first && first[question.id];
      line.hidden = value === undefined || value === null;
      const choice = question.kind === "decision" && choices(question).find((one) => one.value === value);
      line.textContent = line.hidden ? "" : words.first_answer.replace("{value}", choice ? choice.text : value);
    });
  }
  function missing() {
    return kit.questions.filter((question) => question.kind === "checks"
      ? !(valueOf(question) || []).length && question.options.some((option) => option.alone)
      : valueOf(question) === undefined);
  }

  // Digits go to the marked question: the first open one, or the one that has the focus.
  function activate(question) {
    if (active !== question) { typed = ""; }
    active = question;
    kit.questions.forEach((one) => {
      fieldOf(one).classList.toggle("active", many && one === question);
    });
  }
  function begin() {
    typed = "";
    fill();
    activate(missing().find(numeric) || kit.questions.find(numeric) || null);
  }
  function onward() {
    const open = missing().find(numeric);
    if (!open || open === active) { return false; }
    const inside = form.contains(document.activeElement);
    activate(open);
    if (inside) { fieldOf(open).querySelector("input").focus(); }
    return true;
  }
  function digit(value) {
    if (!active) { return; }
    if (active.kind === "percent") {
      typed = Number(typed + value) > 100 || typed === "0" ? String(value) : typed + value;
      answer(active, Number(typed));
      if (typed === "100") { onward(); }
      return;
    }
    const chosen = choices(active).find((one) => one.key === String(value));
    if (chosen) { choose(active, chosen.value); }
  }
  function choose(question, value) {
    activate(question);
    answer(question, value);
    onward();
  }
  // Return whether a key was for the questions.
  function key(pressed) {
    if (/^[0-9]$/.test(pressed)) { digit(Number(pressed)); return true; }
    if (pressed === "Backspace" && typed && active.kind === "percent") {
      typed = typed.slice(0, -1);
      answer(active, typed ? Number(typed) : undefined);
      return true;
    }
    if (pressed === "Enter") { return active && active.kind === "percent" && valueOf(active) !== undefined && onward(); }
    if (pressed === "Q" && many) {
      const asked = kit.questions.filter(numeric);
      activate(asked[(asked.indexOf(active) + 1) % asked.length]);
      fieldOf(active).scrollIntoView({ block: "nearest" });
      return true;
    }
    let taken = false;
    kit.questions.forEach((question) => {
      if (question.kind === "checks") {
        question.options.filter((option) => option.key === pressed).forEach((option) => {
          tick(question, option, !(valueOf(question) || []).includes(option.id));
          taken = true;
        });
      } else if (question.kind !== "scale" && question.kind !== "percent") {
        choices(question).filter((one) => one.key === pressed && !one.apart).forEach((one) => {
          choose(question, one.value);
          taken = true;
        });
      }
    });
    return taken;
  }

  draw();
  return { begin, compare, fill, key, missing, named };
}
