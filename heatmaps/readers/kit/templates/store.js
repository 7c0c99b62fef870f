// What the reader did: kept by the browser, written to a file, read from one.
function makeStore(kit, words, alarm) {
  const turns = kit.showings, place = "wsi-swarm-reader:" + kit.kit_sha256, schema = "wsi-swarm-reader-answers/1";
  const blank = () => ({ started: null, sessions: [], answers: {}, unsaved: 0 });
  const zeros = "0".repeat(64);
  let state = blank(), keeps = true;

  const now = () => new Date().toISOString();
  const answerOf = (turn) => state.answers[turn.id] || (state.answers[turn.id] =
    { values: {}, seconds: 0, shown: null, answered: null, edits: 0 });
  const done = (turn) => Boolean(state.answers[turn.id] && state.answers[turn.id].answered);
  const count = () => turns.filter(done).length;
  function firstOpen() {
    const open = turns.findIndex((turn) => !done(turn));
    return open < 0 ? turns.length : open;
  }
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
  function finishTurn(turn) {
    const one = answerOf(turn);
    if (!one.answered) { one.answered = now(); state.unsaved += 1; }
    keep();
  }
  function change(turn, id, value) {
    const one = answerOf(turn);
    if (JSON.stringify(one.values[id]) === JSON.stringify(value)) { return false; }
    if (value === undefined) { delete one.values[id]; } else { one.values[id] = value; }
    if (one.answered) { one.edits += 1; state.unsaved += 1; one.answered = now(); }
    keep();
    return true;
  }
  function open() {
    if (!state.started) { state.started = now(); }
    state.sessions.push({ opened: now(), agent: navigator.userAgent, width: screen.width, height: screen.height,
      ratio: window.devicePixelRatio });
    keep();
  }
  function fileText() {
    const answers = turns.filter(done).map((turn) => {
      const one = state.answers[turn.id], values = {};
      kit.questions.forEach((question) => {
        values[question.id] = one.values[question.id] === undefined ? [] : one.values[question.id];
      });
      return { item: turn.id, values: values, seconds: Math.round(one.seconds * 10) / 10, shown: one.shown,
        answered: one.answered, edits: one.edits };
    });
    const text = JSON.stringify({ schema: schema, sha256: zeros, study: kit.study,
      protocol: kit.protocol, reader: kit.reader, kit_sha256: kit.kit_sha256, key_sha256: kit.key_sha256,
      software: kit.software, started: state.started, saved: now(), complete: firstOpen() === turns.length,
      sessions: state.sessions, answers: answers }, null, 1) + "\n";
    return text.replace(zeros, sha256(text));
  }
  function download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([fileText()], { type: "application/json" }));
    link.download = kit.study + "-" + kit.reader + "-" + String(count()).padStart(4, "0") + ".json";
    document.body.append(link);
    link.click();
    link.remove();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    state.unsaved = 0;
    keep();
  }
  function load(text) {
    let file;
    try { file = JSON.parse(text); } catch (error) { return words.load_damaged; }
    const sealed = text.replace(file.sha256, zeros);
    if (file.schema !== schema || sha256(sealed) !== file.sha256) { return words.load_damaged; }
    if (file.kit_sha256 !== kit.kit_sha256) { return words.load_other; }
    let loaded = 0;
    file.answers.forEach((one) => {
      const own = state.answers[one.item];
      // Of two answers to one picture the later counts, wherever it was given; of two first answers the first.
      const first = turns.some((turn) => turn.id === one.item && turn.reading === "before");
      if (!own || !own.answered || (first ? own.answered > one.answered : own.answered < one.answered)) {
        state.answers[one.item] = { values: one.values, seconds: one.seconds, shown: one.shown,
          answered: one.answered, edits: one.edits };
        loaded += 1;
      }
    });
    state.started = [state.started, file.started].filter(Boolean).sort()[0] || null;
    const sessions = file.sessions.concat(state.sessions).map((session) => JSON.stringify(session));
    state.sessions = Array.from(new Set(sessions)).map((session) => JSON.parse(session));
    keep();
    return words.loaded.replace("{n}", loaded);
  }

  // Until when a showing is closed: a session has its day, and the second waits for the washout. Null if it is open.
  function closedUntil(turn) {
    if (!turn || !turn.session || !kit.assistance) { return null; }
    const day = kit.assistance.not_before[Number(turn.session) - 1], opens = [];
    if (day) {
      const parts = day.split("-").map(Number);
      opens.push(new Date(parts[0], parts[1] - 1, parts[2]).getTime());
    }
    if (turn.session === "2") {
      const first = turns.filter((one) => one.session === "1" && !one.training).map((one) => answerOf(one).answered);
      opens.push(Date.parse(first.filter(Boolean).sort().pop()) + kit.assistance.washout_days * 86400000);
    }
    const latest = Math.max(...opens);
    return opens.length && latest > Date.now() ? new Date(latest) : null;
  }

  recall();
  return { answerOf, done, count, firstOpen, keep, now, finishTurn, change, open, download, load, closedUntil,
    unsaved: () => state.unsaved };
}
