// What the page was given, and numbers as people read them.
const given = JSON.parse(document.getElementById("viewer-data").textContent);
const words = given.words;

function bytesOf(text) {
  return Uint8Array.from(atob(text), function (letter) { return letter.charCodeAt(0); }).buffer;
}

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, function (_, name) { return values[name]; });
}

function localised(text) {
  return text.replace("-", "−").replace(".", words.decimal);
}

// Three significant digits, without an exponent.
function told(value, signed) {
  if (value === 0) return "0";
  const digits = Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return localised((signed && value > 0 ? "+" : "") + value.toFixed(digits));
}

function counted(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, words.decimal === "," ? "." : ",");
}

// The longest 1, 2 or 5 times a power of ten that is at most this long.
function roundBelow(longest) {
  const power = Math.pow(10, Math.floor(Math.log10(longest) + 1e-9));
  return [5, 2, 1].find(function (factor) { return factor * power <= longest * (1 + 1e-9); }) * power;
}

function lengthText(um) {
  return um >= 1000 ? localised(String(+(um / 1000).toPrecision(3))) + " mm" : localised(String(+um.toPrecision(3))) + " µm";
}

function byId(id) { return document.getElementById(id); }
