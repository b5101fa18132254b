// What every page needs besides htmx: the design system's components, also in what a swap brought; the focus after a swap;
// "are you sure"; the menus; and choosing a password. Every page works without it.
import { InitError, initAll } from "../vendor/nhsuk-frontend.min.js";
import { startMenus } from "./menus.js";
import { startPasswords } from "./passwords.js";

// A component that is running already refuses to start again; anything else is worth a line in the console.
function startComponents() {
  initAll({
    onError(error) {
      if (!(error instanceof InitError)) console.error(error);
    },
  });
}

// data-confirm-when="field=value" asks only when the form is about to send that.
function isAbout(form) {
  const [field, value] = (form.dataset.confirmWhen ?? "").split("=");
  return !field || new FormData(form).get(field) === value;
}

// Capture on the document comes before htmx, which listens at the form itself: a "no" stops both ways of sending.
function askFirst(event) {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && isAbout(event.target) && !window.confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

// Who takes the focus in a page that is there already is decided below, and not by the browser.
function beforeSwap(event) {
  event.detail.ctx.quiet = isQuiet(event.detail.ctx); // the swap may take away what made the call
  for (const { fragment } of event.detail.tasks) {
    fragment.querySelectorAll("[autofocus]").forEach((element) => element.removeAttribute("autofocus"));
  }
}

// A call that the page makes by itself, [data-quiet], moves no focus, takes no notice away and complains about nothing.
function isQuiet(ctx) {
  return ctx?.quiet ?? ctx?.sourceElement?.matches?.("[data-quiet]") ?? false;
}

// What came may be a page of another title. What went wrong gets the focus: the error summary, or the notice of a
// refusal, which may stand out of view. Otherwise the focus goes where the address points to, or, when the swap took
// away what had it, to what came; all need a tabindex for it.
function afterSwap(event) {
  const { ctx } = event.detail;
  const status = ctx.response?.status ?? 200;
  startComponents();
  if (isQuiet(ctx)) return;
  document.title = document.querySelector("[data-title]")?.dataset.title ?? document.title;
  if (status < 400) document.querySelector("#page-notice > .app-notice--error")?.remove();
  else document.querySelector(status === 422 ? ".nhsuk-error-summary" : ".app-notice--error")?.focus();
  if (document.activeElement !== document.body && (status >= 400 || !ctx.request?.anchor)) return;
  document.getElementById(ctx.request?.anchor ?? ctx.target?.id)?.focus({ preventScroll: true });
}

// No answer at all. A request that a newer one replaced is no error.
function sayNoAnswer(event) {
  const { ctx, error } = event.detail;
  const place = document.getElementById("page-notice");
  const words = document.getElementById("no-answer-notice");
  if (!ctx || ctx.response || !error || !place || !words || isQuiet(ctx)) return;
  place.replaceChildren(words.content.cloneNode(true));
  place.firstElementChild.focus();
}

// A page that the browser kept and shows again may be one of somebody who has signed out since: it is asked for anew.
function askAgainForKeptPage(event) {
  if (event.persisted) window.location.reload();
}

// Printing needs a script: its button is there where scripts are.
function startPrinting() {
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });
}

startComponents();
startPrinting();
startMenus();
startPasswords();
window.addEventListener("pageshow", askAgainForKeptPage);
document.addEventListener("submit", askFirst, true);
document.addEventListener("htmx:before:swap", beforeSwap);
document.addEventListener("htmx:after:swap", afterSwap);
document.addEventListener("htmx:error", sayNoAnswer);

// A form that was held while the password was asked for goes on by itself.
document.querySelector("form[data-go-on]")?.requestSubmit();
