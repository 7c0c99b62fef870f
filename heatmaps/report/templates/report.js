"use strict";
window.addEventListener("load", function () {
  const images = Array.from(document.images).filter(function (image) { return !image.closest("#stage"); });
  const broken = images.filter(function (image) { return image.naturalWidth === 0; }).length;
  document.documentElement.dataset.images = images.length;
  document.documentElement.dataset.broken = broken;
  document.getElementById("broken").hidden = broken === 0;
});
