"use strict";
document.querySelectorAll(".controls").forEach(function (controls) {
  const stack = document.getElementById(controls.dataset.stack);
  const tint = stack.querySelector(".tint");
  const markers = stack.querySelector(".markers");
  const slider = controls.querySelector("input[type=range]");
  const shown = controls.querySelector("output");
  slider.addEventListener("input", function () {
    tint.style.opacity = slider.value / 100;
    shown.textContent = slider.value + " %";
  });
  controls.querySelector("input[type=checkbox]").addEventListener("change", function (event) {
    markers.style.display = event.target.checked ? "" : "none";
  });
  controls.hidden = false;
});
window.addEventListener("load", function () {
  const images = Array.from(document.images);
  const broken = images.filter(function (image) { return image.naturalWidth === 0; }).length;
  document.documentElement.dataset.images = images.length;
  document.documentElement.dataset.broken = broken;
  document.getElementById("broken").hidden = broken === 0;
});
