// Tells when something has changed since the page was loaded. It does not reload the page, so that
// readers keep their place. The page also works without this script.
"use strict";

const POLL_MILLISECONDS = 2000;

async function look() {
  const { mark, markUrl } = document.body.dataset;
  if (document.hidden) return;
  try {
    const answer = await fetch(markUrl, { cache: "no-store" });
    const now = await answer.json();
    if (now.mark === mark) return;
  } catch {
    return; // the sandbox has stopped; it may start again
  }
  clearInterval(looking);
  const text = document.getElementById("news-text").content.cloneNode(true);
  document.getElementById("news").replaceChildren(text);
}

const looking = setInterval(look, POLL_MILLISECONDS);
