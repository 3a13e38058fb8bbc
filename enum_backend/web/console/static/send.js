// The preview follows what is typed.
"use strict";

(() => {
  const form = document.getElementById("send");
  const preview = document.getElementById("preview");
  let timer = 0;
  let asked = 0;

  async function look() {
    const number = ++asked;
    const response = await fetch(form.dataset.preview, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
    }).catch(() => null);
    if (!response || number !== asked) return;
    const text = await response.text();
    if (response.ok) preview.innerHTML = text;
    else preview.textContent = text;
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 500);
  });
  if (form.elements.to.value || form.elements.message.value) look();
})();
