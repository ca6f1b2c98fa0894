// Outcomes and notices at the edge of the screen: {level: "ok" | "info" | "warn" | "alarm" | "error", text, link?}.
// Alarms and errors stay until closed; the rest leaves after a while, but not while the pointer or the focus is on it.

const TONES = { ok: "ok", info: "go", warn: "warn", alarm: "bad", error: "bad" };
const STAYS = { ok: 5000, go: 6000, warn: 10_000 };
const AT_MOST = 4;

export function toast({ level = "info", text, link }) {
  const host = document.getElementById("toasts");
  const template = document.getElementById("toast");
  if (!host || !template || !text || [...host.children].some((box) => box.dataset.text === text)) return;
  const box = template.content.firstElementChild.cloneNode(true);
  const tone = TONES[level] ?? TONES.info;
  box.dataset.text = text;
  box.classList.add(`tone-${tone}`);
  for (const mark of box.querySelectorAll("[data-tone]")) mark.dataset.tone === tone || mark.remove();
  if (tone === "bad") box.setAttribute("role", "alert");
  box.querySelector("p").append(ownPage(link) ? linkTo(link, text) : text);
  box.querySelector("button").addEventListener("click", () => box.remove());
  host.append(box);
  while (host.children.length > AT_MOST) (host.querySelector(".toast:not(.tone-bad)") ?? host.firstElementChild).remove();
  if (tone in STAYS) leaveLater(box, STAYS[tone]);
}

function leaveLater(box, stays) {
  setTimeout(() => (box.matches(":hover, :focus-within") ? leaveLater(box, stays) : box.remove()), stays);
}

/** Only a path of this desk; anything else is shown as text. */
const ownPage = (link) => typeof link === "string" && /^\/(?![/\\])/.test(link);

function linkTo(link, text) {
  const anchor = document.createElement("a");
  anchor.href = link;
  anchor.textContent = text;
  return anchor;
}
