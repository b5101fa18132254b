// Menus of the global navigation: open on hover, on focus and on click, closed by Escape, by leaving, by a click elsewhere.
// Without this file the style sheet alone opens them on hover and focus.

const OPEN = "app-menu--open";

function startMenu(menu) {
  const button = menu.querySelector(".app-menu__button");
  let pressed = false; // the pointer is down: the focus that follows is the click's, not the keyboard's
  let pinned = false; // opened by a click: stays when the pointer leaves

  const isOpen = () => menu.classList.contains(OPEN);
  const show = (open) => {
    menu.classList.toggle(OPEN, open);
    button.setAttribute("aria-expanded", String(open));
    if (!open) pinned = false;
  };

  show(false);
  menu.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(true));
  menu.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse" && !pinned && !menu.contains(document.activeElement)) show(false);
  });
  button.addEventListener("pointerdown", () => (pressed = true));
  menu.addEventListener("focusin", () => pressed || show(true));
  menu.addEventListener("focusout", (event) => menu.contains(event.relatedTarget) || pressed || show(false));
  button.addEventListener("click", (event) => {
    const byKeyboard = event.detail === 0;
    pressed = false;
    if (byKeyboard && isOpen()) {
      menu.querySelector(".app-menu__link").focus();
    } else {
      show(!pinned);
      pinned = isOpen();
    }
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOpen()) return;
    button.focus();
    show(false);
  });
  document.addEventListener("pointerup", () => (pressed = false));
  document.addEventListener("pointerdown", (event) => menu.contains(event.target) || show(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.contains(document.activeElement)) show(false);
  });
}

export function startMenus() {
  document.querySelectorAll("[data-menu]").forEach(startMenu);
}
