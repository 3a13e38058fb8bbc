// The live tail: rows as they come, newest on top. Paused, they wait and are counted.
"use strict";

(() => {
  const MOST_ROWS = 300;
  const tail = document.getElementById("tail");
  const rows = document.getElementById("tail-rows");
  const state = document.getElementById("tail-state");
  const button = document.getElementById("pause");
  let waiting = [];
  let paused = false;
  let fresh = 0;

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function report() {
    if (paused) say(`Paused, ${waiting.length} waiting.`);
    else if (fresh) say(`Live, ${fresh} new since you opened this page.`);
    else say("Live, waiting for messages.");
  }

  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  function show(data) {
    const row = parsed(data.row);
    const old = document.getElementById(data.id);
    if (old) {
      old.replaceWith(row);
    } else {
      row.classList.add("new");
      rows.prepend(row);
      fresh += 1;
    }
    localTimes(row);
    while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
    document.getElementById("tail-empty").hidden = true;
  }

  function update(data) {
    const cell = document.getElementById(data.id)?.querySelector("[data-status]");
    if (cell) cell.replaceChildren(parsed(data.status));
  }

  function take(work) {
    if (paused) {
      waiting.push(work);
      if (waiting.length > MOST_ROWS) waiting.shift();
    } else {
      work();
    }
    report();
  }

  const source = new EventSource(tail.dataset.stream);
  source.addEventListener("open", report);
  source.addEventListener("message", (event) => {
    const data = JSON.parse(event.data);
    take(() => show(data));
  });
  source.addEventListener("status", (event) => update(JSON.parse(event.data)));
  source.addEventListener("skipped", () => say("Too many to show: some are left out."));
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) {
      say("The connection is lost, it is tried again …");
      return;
    }
    const link = document.createElement("a");
    link.href = tail.dataset.login;
    link.textContent = "Log in again, or load the page again.";
    state.replaceChildren("The stream has ended. ", link);
  });

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
    if (!paused) {
      for (const work of waiting) work();
      waiting = [];
    }
    report();
  });
  addEventListener("pagehide", () => source.close());
})();
