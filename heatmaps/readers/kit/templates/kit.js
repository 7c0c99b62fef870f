"use strict";
(function () {
  const told = JSON.parse(document.getElementById("told").textContent);
  const kit = told.kit, words = told.words, turns = kit.showings;
  const at = (id) => document.getElementById(id);
  const say = (name, values) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const place = "wsi-swarm-reader:" + kit.kit_sha256;
  const trainings = turns.filter((turn) => turn.training).length;
  const blank = () => ({ started: null, sessions: [], answers: {}, unsaved: 0 });

  // What the reader did

  let state = blank(), keeps = true;
  function keep() {
    try { window.localStorage.setItem(place, JSON.stringify(state)); } catch (error) { keeps = false; }
    if (!keeps) { alarm(words.no_storage); }
  }
  function recall() {
    try {
      const kept = window.localStorage.getItem(place);
      if (kept) { state = Object.assign(blank(), JSON.parse(kept)); }
    } catch (error) { keeps = false; }
  }
  const answerOf = (turn) => state.answers[turn.id] || (state.answers[turn.id] =
    { values: {}, seconds: 0, shown: null, answered: null, edits: 0 });
  const done = (turn) => Boolean(state.answers[turn.id] && state.answers[turn.id].answered);
  const now = () => new Date().toISOString();
  function firstOpen() {
    const open = turns.findIndex((turn) => !done(turn));
    return open < 0 ? turns.length : open;
  }
  function missing(turn) {
    const values = answerOf(turn).values;
    return kit.questions.filter((question) => question.kind === "scale"
      ? values[question.id] === undefined
      : !(values[question.id] || []).length && question.options.some((option) => option.alone));
  }

  // The file of answers

  function fileText() {
    const answers = turns.filter(done).map((turn) => {
      const one = state.answers[turn.id], values = {};
      kit.questions.forEach((question) => {
        values[question.id] = one.values[question.id] === undefined ? [] : one.values[question.id];
      });
      return { item: turn.id, values: values, seconds: Math.round(one.seconds * 10) / 10, shown: one.shown,
        answered: one.answered, edits: one.edits };
    });
    const text = JSON.stringify({ schema: "wsi-swarm-reader-answers/1", sha256: "0".repeat(64), study: kit.study,
      protocol: kit.protocol, reader: kit.reader, kit_sha256: kit.kit_sha256, key_sha256: kit.key_sha256,
      software: kit.software, started: state.started, saved: now(), complete: firstOpen() === turns.length,
      sessions: state.sessions, answers: answers }, null, 1) + "\n";
    return text.replace("0".repeat(64), sha256(text));
  }
  function download() {
    const count = turns.filter(done).length, link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([fileText()], { type: "application/json" }));
    link.download = kit.study + "-" + kit.reader + "-" + String(count).padStart(4, "0") + ".json";
    document.body.append(link);
    link.click();
    link.remove();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    state.unsaved = 0;
    keep();
    showSaved();
  }
  function load(text) {
    let file;
    try { file = JSON.parse(text); } catch (error) { return words.load_damaged; }
    const sealed = text.replace(file.sha256, "0".repeat(64));
    if (file.schema !== "wsi-swarm-reader-answers/1" || sha256(sealed) !== file.sha256) { return words.load_damaged; }
    if (file.kit_sha256 !== kit.kit_sha256) { return words.load_other; }
    let count = 0;
    file.answers.forEach((one) => {
      const own = state.answers[one.item];
      // Of two answers to one picture the later counts, wherever it was given.
      if (!own || !own.answered || own.answered < one.answered) {
        state.answers[one.item] = { values: one.values, seconds: one.seconds, shown: one.shown,
          answered: one.answered, edits: one.edits };
        count += 1;
      }
    });
    state.started = [state.started, file.started].filter(Boolean).sort()[0] || null;
    const sessions = file.sessions.concat(state.sessions).map((session) => JSON.stringify(session));
    state.sessions = Array.from(new Set(sessions)).map((session) => JSON.parse(session));
    keep();
    return say("loaded", { n: count });
  }

  // Time counts while the picture is there and the page is looked at

  let since = null;
  function watch(on) {
    if (since !== null && current !== null) { answerOf(turns[current]).seconds += (performance.now() - since) / 1000; }
    since = on && !document.hidden ? performance.now() : null;
  }

  // What is on the screen

  let current = null, compared = false, near = false;
  function only(name) {
    ["welcome", "desk", "finish"].forEach((part) => { at(part).hidden = part !== name; });
    window.scrollTo(0, 0);
  }
  function alarm(text) { at("alarm").textContent = text; at("alarm").hidden = false; }
  function showSaved() {
    const chip = at("save-state"), any = turns.some(done);
    chip.textContent = !any ? "" : state.unsaved ? say("unsaved", { n: state.unsaved }) : words.saved;
    chip.classList.toggle("open", state.unsaved > 0);
  }
  function element(name, text, values) {
    const made = Object.assign(document.createElement(name), values || {});
    if (text) { made.textContent = text; }
    return made;
  }
  function drawForm() {
    kit.questions.forEach((question) => {
      const field = element("fieldset"), legend = element("legend", question.text);
      field.dataset.question = question.id;
      legend.append(element("small", question.kind === "scale" ? words.scale_hint : words.none_needed));
      field.append(legend);
      if (question.kind === "scale") { drawScale(field, question); } else { drawChecks(field, question); }
      at("form").append(field);
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
  function drawScale(field, question) {
    const points = element("div", "", { className: "points" }), ends = element("div", "", { className: "ends" });
    const radio = (value) => {
      const input = element("input", "", { type: "radio", name: question.id, value: String(value) });
      input.addEventListener("change", () => set(question, value));
      return input;
    };
    [1, 2, 3, 4, 5].forEach((value) => {
      const label = element("label", "", { className: "point" }), input = radio(value);
      const end = value === 1 ? question.low : value === 5 ? question.high : "";
      input.setAttribute("aria-label", end ? value + ", " + end : String(value));
      label.append(input, element("span", String(value)));
      points.append(label);
    });
    ends.append(element("span", "1: " + question.low), element("span", "5: " + question.high));
    points.classList.toggle("wide", question.cannot_judge);
    if (question.cannot_judge) {
      const label = element("label", "", { className: "point apart" });
      label.append(radio("cannot_judge"), element("span", words.cannot_judge), element("kbd", "0"));
      points.append(label);
    }
    field.append(points, ends);
  }
  function set(question, value) {
    const one = answerOf(turns[current]);
    if (at("form").inert || JSON.stringify(one.values[question.id]) === JSON.stringify(value)) { return; }
    one.values[question.id] = value;
    if (one.answered) { one.edits += 1; state.unsaved += 1; one.answered = now(); showSaved(); }
    at("note").textContent = "";
    keep();
    fillForm();
  }
  function tick(question, option, on) {
    const before = answerOf(turns[current]).values[question.id] || [];
    const kept = before.filter((id) => id !== option.id
      && !(on && (option.alone || question.options.some((other) => other.id === id && other.alone))));
    const chosen = on ? kept.concat(option.id) : kept;
    set(question, question.options.map((other) => other.id).filter((id) => chosen.includes(id)));
  }
  function fillForm() {
    const values = answerOf(turns[current]).values;
    at("form").querySelectorAll("input").forEach((input) => {
      const value = values[input.name];
      input.checked = Array.isArray(value) ? value.includes(input.value) : String(value) === input.value;
    });
  }
  function show(index) {
    watch(false);
    if (index >= turns.length) { return finish(); }
    current = index;
    const turn = turns[index], one = answerOf(turn);
    only("desk");
    compared = turn.training && done(turn);
    const number = turn.training ? index + 1 : index + 1 - trainings;
    const total = turn.training ? trainings : turns.length - trainings;
    const where = (turn.training ? words.training : words.picture) + " " + number + " " + words.of + " " + total;
    at("where").textContent = where;
    at("bar").max = turns.length;
    at("bar").value = turns.filter(done).length;
    showLeft();
    fillForm();
    showFeedback();
    at("note").textContent = "";
    at("back").disabled = !kit.go_back || index === 0;
    zoom(false);
    const picture = at("picture");
    at("picture-state").textContent = words.waiting;
    picture.onload = () => {
      at("picture-state").textContent = "";
      if (!one.shown) { one.shown = now(); keep(); }
      watch(true);
      if (index + 1 < turns.length) { new Image().src = pathOf(turns[index + 1]); }
    };
    picture.onerror = () => { at("picture-state").textContent = words.broken; };
    picture.src = pathOf(turn);
    at("where").focus({ preventScroll: true });
    return undefined;
  }
  const pathOf = (turn) => "items/" + turn.id + ".jpg";
  function showLeft() {
    const times = turns.filter(done).map((turn) => state.answers[turn.id].seconds).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)], open = turns.length - times.length;
    at("left").textContent = times.length < 5 || !open ? ""
      : say("minutes_left", { n: Math.max(1, Math.round(median * open / 60)) });
  }
  function showFeedback() {
    const turn = turns[current];
    at("feedback").hidden = !compared;
    at("feedback-text").textContent = compared ? turn.feedback : "";
    at("form").inert = compared;
    at("next-text").textContent = turn.training && turn.feedback && !compared ? words.check : words.next;
  }
  function next() {
    const turn = turns[current], one = answerOf(turn);
    if (!one.shown) { return; }
    const open = missing(turn);
    if (open.length) {
      at("note").textContent = say("incomplete", { what: open.map((question) => question.text).join(" ") });
      return;
    }
    watch(true);
    if (!one.answered) { one.answered = now(); state.unsaved += 1; }
    keep();
    showSaved();
    if (turn.training && turn.feedback && !compared) { compared = true; showFeedback(); at("next").scrollIntoView({ block: "nearest" }); return; }
    show(current + 1);
  }
  function back() { if (kit.go_back && current > 0) { show(current - 1); } }
  function finish() {
    current = null;
    only("finish");
    at("review").hidden = !kit.go_back;
    at("finish-title").focus({ preventScroll: true });
  }
  function zoom(on) {
    near = on && Boolean(kit.frame);
    at("glass").classList.toggle("near", near);
    at("zoom").setAttribute("aria-pressed", String(near));
    at("zoom-text").textContent = near ? words.unzoom : words.zoom;
    drawScaleBar();
  }
  function toggleFrame() {
    const off = at("frame").classList.toggle("off");
    at("show-frame").setAttribute("aria-pressed", String(!off));
  }
  function drawScaleBar() {
    if (!kit.field_um) { return; }
    const field = near ? kit.field_um * kit.frame : kit.field_um;
    const length = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].filter((um) => um <= field * 0.3).pop();
    at("scale-bar").hidden = !length;
    at("scale-line").style.width = (at("glass").clientWidth * length / field) + "px";
    at("scale-text").textContent = length + " µm";
  }
  function openDialog(id) { if (!at(id).open) { at(id).showModal(); } }

  // Keys and buttons

  function onKey(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    if ((event.ctrlKey || event.metaKey) && key === "S") { event.preventDefault(); download(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) { return; }
    if (key === "S" && turns.some(done)) { download(); return; }
    if (key === "K") { openDialog("codebook"); return; }
    if (key === "?") { openDialog("help"); return; }
    if (key === "Enter" && event.target.closest("button, input[type=file]")) { return; }
    if (current === null) {
      if (key === "Enter" && !at("welcome").hidden) { begin(); }
      return;
    }
    if (key === "Enter") { event.preventDefault(); next(); }
    else if (key === "Backspace") { event.preventDefault(); back(); }
    else if (key === "Z") { zoom(!near); }
    else if (key === "X") { toggleFrame(); }
    else if (/^[0-5]$/.test(key)) { scaleKey(Number(key)); }
    else { letterKey(key); }
  }
  function scaleKey(digit) {
    const question = kit.questions.find((one) => one.kind === "scale");
    if (question && (digit || question.cannot_judge)) { set(question, digit || "cannot_judge"); }
  }
  function letterKey(key) {
    kit.questions.filter((question) => question.kind === "checks").forEach((question) => {
      question.options.filter((option) => option.key === key).forEach((option) => {
        tick(question, option, !(answerOf(turns[current]).values[question.id] || []).includes(option.id));
      });
    });
  }
  function begin() {
    if (!state.started) { state.started = now(); }
    state.sessions.push({ opened: now(), agent: navigator.userAgent, width: screen.width, height: screen.height,
      ratio: window.devicePixelRatio });
    keep();
    show(firstOpen());
  }
  function welcome() {
    const steps = at("steps"), start = at("start");
    steps.replaceChildren();
    if (trainings) { steps.append(element("li", say("step_training", { n: trainings }))); }
    steps.append(element("li", say("step_items", { n: turns.length - trainings })), element("li", words.step_alone),
      element("li", words.step_save), element("li", words.step_keys));
    steps.querySelectorAll("li").forEach((step) => step.replaceChildren(element("span", step.textContent)));
    start.textContent = turns.some(done) ? words.resume : words.start;
    start.append(element("kbd", "↵"));
    showSaved();
  }

  recall();
  drawForm();
  keep();
  welcome();
  const inset = kit.frame ? 50 * (1 - kit.frame) + "%" : "0";
  at("glass").style.setProperty("--inset", inset);
  at("glass").style.setProperty("--near", String(kit.frame ? 1 / kit.frame : 1));
  ["zoom", "show-frame", "frame"].forEach((id) => { at(id).hidden = !kit.frame; });
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => { if (current !== null && at("picture").complete) {
    watch(!document.hidden); keep(); } });
  window.addEventListener("pagehide", () => { watch(false); keep(); });
  window.addEventListener("resize", drawScaleBar);
  at("form").addEventListener("submit", (event) => event.preventDefault());
  const press = { start: begin, next: next, back: back, save: download, "finish-save": download, review: () => show(0),
    zoom: () => zoom(!near), "show-frame": toggleFrame, "open-codebook": () => openDialog("codebook"),
    "open-help": () => openDialog("help") };
  Object.keys(press).forEach((id) => at(id).addEventListener("click", press[id]));
  document.querySelectorAll("[data-close]").forEach((button) => {
    button.addEventListener("click", () => at(button.dataset.close).close());
  });
  at("load").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (file) { file.text().then((text) => { at("load-state").textContent = load(text); welcome(); }); }
  });
}());
