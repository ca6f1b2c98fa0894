// Dialogs: <button data-confirm-dialog="id"> opens <dialog id>, [data-close-dialog] shuts it, Esc and the backdrop too.
// A dialog that the server sent into the page with data-open-now opens by itself. Focus returns to where it was.

const openers = new WeakMap();

export function openDialog(dialog, opener = document.activeElement) {
  if (!dialog || dialog.open) return;
  openers.set(dialog, opener);
  dialog.showModal();
  (dialog.querySelector("[autofocus]") ?? dialog.querySelector("[data-close-dialog]"))?.focus();
}

function opened(target) {
  const button = target.closest?.("[data-confirm-dialog]");
  if (!button) return false;
  openDialog(document.getElementById(button.dataset.confirmDialog), button);
  return true;
}

function shut(target) {
  const dialog = target.closest?.("dialog");
  if (dialog && (target === dialog || target.closest("[data-close-dialog]"))) dialog.close();
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    if (opened(event.target)) event.preventDefault();
    else shut(event.target);
  });
  document.addEventListener("close", ({ target }) => {
    if (target.open) return; // opened again before its closing was told
    const opener = openers.get(target);
    const lost = document.activeElement === document.body || target.contains?.(document.activeElement);
    if (lost && opener?.isConnected) opener.focus();
    if (target.matches?.("[data-open-now]")) target.remove();
  }, true);
  document.addEventListener("htmx:afterSettle", openArrived);
  openArrived();
}

const openArrived = () => document.querySelectorAll("dialog[data-open-now]:not([open])").forEach((one) => openDialog(one));
