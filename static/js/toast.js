// Outcomes and notices at the edge of the screen: {level: "ok" | "info" | "warn" | "error", text, link?}.
// Errors stay until closed; the rest leaves after a while, but not while the pointer or the focus is on it.

const TONES = { ok: "tone-ok", info: "tone-go", warn: "tone-warn", error: "tone-bad" };
const STAYS = 8000;
const AT_MOST = 4;

export function toast({ level = "info", text, link }) {
  const host = document.getElementById("toasts");
  const template = document.getElementById("toast");
  if (!host || !template || !text || [...host.children].some((box) => box.dataset.text === text)) return;
  const box = template.content.firstElementChild.cloneNode(true);
  box.dataset.text = text;
  box.classList.add(TONES[level] ?? TONES.info);
  box.querySelector("p").append(ownPage(link) ? linkTo(link, text) : text);
  box.querySelector("button").addEventListener("click", () => box.remove());
  host.append(box);
  while (host.children.length > AT_MOST) host.firstElementChild.remove();
  if (level !== "error") leaveLater(box);
}

function leaveLater(box) {
  setTimeout(() => (box.matches(":hover, :focus-within") ? leaveLater(box) : box.remove()), STAYS);
}

/** Only a path of this desk; anything else is shown as text. */
const ownPage = (link) => typeof link === "string" && /^\/(?![/\\])/.test(link);

function linkTo(link, text) {
  const anchor = document.createElement("a");
  anchor.href = link;
  anchor.textContent = text;
  return anchor;
}
