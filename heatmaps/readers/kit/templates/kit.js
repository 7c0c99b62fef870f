(function () {
  const told = JSON.parse(document.getElementById("told").textContent);
  const kit = told.kit, words = told.words, turns = kit.showings;
  const at = (id) => document.getElementById(id);
  const say = (name, values) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const trainings = turns.filter((turn) => turn.training);
  const sequential = Boolean(kit.assistance) && kit.assistance.design === "sequential";
  const unit = { "heatmap-preference": words.pair, "ai-assistance": words.case }[kit.template] || words.picture;
  let current = null, compared = false, since = null;

  const store = makeStore(kit, words, (text) => { at("alarm").textContent = text; at("alarm").hidden = false; });
  const view = makeView(kit, words, at);
  const ask = makeQuestions(kit, words, at("form"), (question) => store.answerOf(turns[current]).values[question.id],
    (question, value) => {
      const changed = !locked(turns[current]) && store.change(turns[current], question.id, value);
      if (changed) { at("note").textContent = ""; showSaved(); }
      return changed;
    });

  // The second stage of a case follows its first answer, which stays as it is.
  const follows = (turn) => sequential && turn.reading === "with";
  const locked = (turn) => turn.reading === "before" && store.done(turn);
  const alike = (turn, other) => turn.training === other.training && turn.session === other.session;
  const cases = (some) => some.filter((turn) => !follows(turn)).length;

  // Time counts while the picture is there and the page is looked at

  function watch(on) {
    if (since !== null && current !== null) {
      store.answerOf(turns[current]).seconds += (performance.now() - since) / 1000;
    }
    since = on && !document.hidden ? performance.now() : null;
  }

  // What is on the screen

  function only(name) {
    ["welcome", "desk", "finish"].forEach((part) => { at(part).hidden = part !== name; });
    window.scrollTo(0, 0);
  }
  function showSaved() {
    const chip = at("save-state"), any = turns.some(store.done), unsaved = store.unsaved();
    chip.textContent = !any ? "" : unsaved ? say("unsaved", { n: unsaved }) : words.saved;
    chip.classList.toggle("open", unsaved > 0);
  }
  function show(index) {
    watch(false);
    if (index >= turns.length || store.closedUntil(turns[index])) { return finish(turns[index]); }
    current = index;
    const turn = turns[index], one = store.answerOf(turn), own = turns.filter((other) => alike(turn, other));
    only("desk");
    compared = turn.training && store.done(turn);
    const number = cases(own.slice(0, own.indexOf(turn))) + (follows(turn) ? 0 : 1);
    const session = kit.assistance && !sequential ? words.session + " " + turn.session + " · " : "";
    const where = session + (turn.training ? words.training : unit) + " " + number + " " + words.of + " " + cases(own);
    at("where").textContent = where;
    at("bar").max = turns.length;
    at("bar").value = store.count();
    showLeft(turn);
    showStage(turn, one);
    ask.begin();
    showFeedback();
    at("note").textContent = "";
    at("back").disabled = !kit.go_back || before(index) < 0;
    view.show(turn, () => {
      if (!one.shown) { one.shown = store.now(); store.keep(); }
      watch(true);
      if (index + 1 < turns.length && !store.closedUntil(turns[index + 1])) { view.preload(turns[index + 1]); }
    });
    at("where").focus({ preventScroll: true });
    return undefined;
  }
  function showLeft(turn) {
    const own = turns.filter((other) => other.session === turn.session), open = own.filter((other) => !store.done(other));
    const times = turns.filter(store.done).map((other) => store.answerOf(other).seconds).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)];
    at("left").textContent = times.length < 5 || !open.length ? ""
      : say("minutes_left", { n: Math.max(1, Math.round(median * open.length / 60)) });
  }
  // What a reader of an AI study knows at this moment, and what the first answers were.
  function showStage(turn, one) {
    at("stage").hidden = !turn.reading;
    if (!turn.reading) { return; }
    const first = follows(turn) ? store.answerOf(turns[turns.indexOf(turn) - 1]).values : null;
    if (first && !one.answered && !Object.keys(one.values).length) { Object.assign(one.values, first); }
    ask.compare(first);
    const stage = turn.reading === "with" && !sequential ? "stage_assisted" : "stage_" + turn.reading;
    at("stage-text").textContent = locked(turn) ? words.stage_locked : words[stage];
    at("stage").classList.toggle("assisted", turn.reading === "with");
    at("ai").hidden = turn.reading !== "with";
    at("ai-value").textContent = turn.ai ? turn.ai.text : "";
    at("ai-bar").style.width = (turn.ai ? turn.ai.percent : 0) + "%";
  }
  function showFeedback() {
    const turn = turns[current], check = turn.training && turn.feedback && !compared;
    at("feedback").hidden = !compared || !turn.feedback;
    at("feedback-text").textContent = compared ? turn.feedback : "";
    at("form").inert = compared || locked(turn);
    const first = turn.reading === "before" && !locked(turn);
    at("next-text").textContent = check ? words.check : first ? words.lock : words.next;
  }
  function next() {
    const turn = turns[current];
    if (!store.answerOf(turn).shown) { return; }
    const open = ask.missing();
    if (open.length) {
      at("note").textContent = say("incomplete", { what: open.map(ask.named).join(" ") });
      return;
    }
    watch(true);
    store.finishTurn(turn);
    showSaved();
    if (turn.training && turn.feedback && !compared) {
      compared = true;
      showFeedback();
      at("next").scrollIntoView({ block: "nearest" });
      return;
    }
    let index = current + 1;
    while (index < turns.length && locked(turns[index])) { index += 1; }
    show(index);
  }
  // The place to go back to: no first answer that stays, no other session. -1 if there is none.
  function before(index) {
    let place = index - 1;
    while (place >= 0 && locked(turns[place])) { place -= 1; }
    return place >= 0 && turns[place].session === turns[index].session ? place : -1;
  }
  function back() { if (kit.go_back && before(current) >= 0) { show(before(current)); } }
  function review() {
    const last = turns[turns.length - 1];
    show(turns.findIndex((turn) => turn.session === last.session && !locked(turn)));
  }
  const dayOf = (time) => time.toLocaleString(kit.language, { dateStyle: "long", timeStyle: "short" });
  function finish(upcoming) {
    current = null;
    only("finish");
    const until = upcoming && store.closedUntil(upcoming);
    at("finish-title").textContent = until ? words.pause_title : words.finish_title;
    at("finish-text").textContent = until ? say("pause_text", { day: dayOf(until) }) : words.finish_text;
    at("review").hidden = !kit.go_back || Boolean(until);
    at("finish-title").focus({ preventScroll: true });
  }
  function download() { store.download(); showSaved(); }
  function openDialog(id) { if (!at(id).open) { at(id).showModal(); } }

  // Keys and buttons

  function onKey(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    if ((event.ctrlKey || event.metaKey) && key === "S") { event.preventDefault(); download(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) { return; }
    if (key === "S" && turns.some(store.done)) { download(); return; }
    if (key === "K") { openDialog("codebook"); return; }
    if (key === "?") { openDialog("help"); return; }
    if (key === "Enter" && event.target.closest("button, input[type=file]")) { return; }
    if (current === null) {
      if (key === "Enter" && !at("welcome").hidden) { begin(); }
      return;
    }
    if (ask.key(key) || view.key(key, event.target)) { event.preventDefault(); return; }
    if (key === "Enter") { event.preventDefault(); next(); }
    else if (key === "Backspace") { event.preventDefault(); back(); }
  }
  function begin() {
    const index = store.firstOpen();
    if (store.closedUntil(turns[index])) { return; }
    store.open();
    show(index);
  }
  function welcome() {
    const steps = at("steps"), start = at("start"), lines = [], open = turns[store.firstOpen()];
    const judged = turns.filter((turn) => !turn.training && (turn.session || "1") === "1");
    const until = store.closedUntil(open);
    if (trainings.length) { lines.push(say("step_training", { n: cases(trainings) })); }
    const kind = { "tile-plausibility": "step_items", "heatmap-preference": "step_pairs",
      "ai-assistance": sequential ? "step_sequential" : "step_crossover" }[kit.template];
    lines.push(say(kind, { n: cases(judged), days: kit.assistance ? kit.assistance.washout_days : 0 })
      + (kit.repeats ? " " + words.step_twice : ""));
    lines.push(words.step_alone, words.step_save, words.step_keys);
    steps.replaceChildren(...lines.map((text) => {
      const step = document.createElement("li"), line = document.createElement("span");
      line.textContent = text;
      step.append(line);
      return step;
    }));
    const key = document.createElement("kbd");
    key.textContent = "↵";
    start.textContent = turns.some(store.done) ? words.resume : words.start;
    start.append(key);
    start.disabled = Boolean(until);
    at("closed").hidden = !until;
    at("closed").textContent = until ? say("closed", { day: dayOf(until), n: open.session }) : "";
    showSaved();
  }

  store.keep();
  welcome();
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => {
    if (current !== null && view.loaded()) { watch(!document.hidden); store.keep(); }
  });
  window.addEventListener("pagehide", () => { watch(false); store.keep(); });
  at("form").addEventListener("submit", (event) => event.preventDefault());
  const press = { start: begin, next: next, back: back, save: download, "finish-save": download, review: review,
    "open-codebook": () => openDialog("codebook"), "open-help": () => openDialog("help") };
  Object.keys(press).forEach((id) => at(id).addEventListener("click", press[id]));
  document.querySelectorAll("[data-close]").forEach((button) => {
    button.addEventListener("click", () => at(button.dataset.close).close());
  });
  at("load").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (file) { file.text().then((text) => { at("load-state").textContent = store.load(text); welcome(); }); }
  });
}());
