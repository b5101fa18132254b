// Choosing a password: what is typed is judged while it is typed, and words that were drawn fill both boxes. Without this
// file the whole form is sent for a verdict, and the button for words answers a page in which they stand.

const boxesOf = (element) => element.closest("form").querySelectorAll('[autocomplete="new-password"]');
const isVerdict = (element) => element?.id === "password-verdict";

let leaving = false; // the form itself is on its way: a verdict would come too late, and to another session

// Of the form around it, an element with data-sends sends that field alone.
function sendAlone(event) {
  const { sourceElement, request } = event.detail.ctx;
  if (leaving && isVerdict(sourceElement)) event.preventDefault();
  const only = sourceElement.dataset.sends;
  const { body } = request;
  if (only) [...body.keys()].filter((name) => name !== only).forEach((name) => body.delete(name));
}

// A verdict that did not come is no error for who is typing; but what was said before is not true any more.
function keepQuiet(event) {
  const { ctx } = event.detail;
  if (!isVerdict(ctx.sourceElement) || ctx.response.status < 400 || ctx.hx.redirect) return;
  event.preventDefault();
  ctx.sourceElement.textContent = "";
}

function sayNothing(event) {
  const element = event.detail.ctx?.sourceElement;
  if (isVerdict(element)) element.textContent = "";
}

function fillBoxes({ detail: { ctx } }) {
  const place = document.getElementById("password-words");
  if (ctx.target?.id !== "password-words" || !place?.dataset.words) return;
  for (const box of boxesOf(place)) {
    box.value = place.dataset.words;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// Words that are not in the boxes any more are not said to be there.
function forgetWords({ target }) {
  const place = document.getElementById("password-words");
  if (!place?.dataset.words || !target.matches('[autocomplete="new-password"]') || target.value === place.dataset.words) return;
  place.removeAttribute("data-words");
  place.replaceChildren();
}

export function startPasswords() {
  document.addEventListener("submit", (event) => (leaving = !event.defaultPrevented));
  document.addEventListener("htmx:config:request", sendAlone);
  document.addEventListener("htmx:before:response", keepQuiet);
  document.addEventListener("htmx:error", sayNothing);
  document.addEventListener("htmx:after:swap", fillBoxes);
  document.addEventListener("input", forgetWords);
}
