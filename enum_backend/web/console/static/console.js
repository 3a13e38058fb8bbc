// On every page: the theme switch, the menu on small screens, times in the visitor's zone.
"use strict";

document.documentElement.classList.add("js");

function themeSwitch() {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    const show = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      document.cookie = `eb_theme=${root.dataset.theme}; Path=/admin; Max-Age=31536000; SameSite=Strict`;
      show();
    });
    system.addEventListener("change", show);
    show();
  }
}

function menuSwitch() {
  const button = document.querySelector("[data-menu-switch]");
  const menu = document.querySelector("[data-menu]");
  if (!button || !menu) return;
  const set = (open) => {
    menu.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.hidden = false;
  button.addEventListener("click", () => set(button.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.classList.contains("open")) {
      set(false);
      button.focus();
    }
  });
}

// Times stand there in UTC; a hint says what that is here.
function localTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.getTime())) time.title = `${moment.toLocaleString()} (your time)`;
  }
}

// A button that copies the text of another element.
function copyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = label), 2000);
    });
  }
}

// Filters that are not used take no room on small screens.
function foldFilters() {
  if (!window.matchMedia("(max-width: 40rem)").matches) return;
  for (const part of document.querySelectorAll("[data-folds]:not([data-used])")) part.open = false;
}

// A form is sent once, however often its button is pressed.
function sendOnce() {
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

document.addEventListener("DOMContentLoaded", () => {
  themeSwitch();
  menuSwitch();
  localTimes(document);
  foldFilters();
  copyButtons();
  sendOnce();
  document.querySelector(".said[role=alert], [aria-invalid=true]")?.scrollIntoView({ block: "center" });
});
