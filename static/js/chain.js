// The option chain: the mark at the money follows the price, the strikes follow the mark when it leaves their middle,
// arrows move among the picks, and the age of the newest price is kept. Figures themselves come as for every page.

const EDGE = 2; // rows; nearer to the end than that the strikes are fetched anew
const chain = () => document.getElementById("chain");
let watching = null;
let askedFor = ""; // the strike; here, since the section is morphed and forgets

/** Once on a page with a chain, and again after the server sent its strikes anew. */
function begin(centred) {
  const section = chain();
  const money = section && document.querySelector(`.chain-sums [data-cell="${section.dataset.money}"]`);
  watching?.disconnect();
  if (!money) return;
  watching = new MutationObserver(() => mark(section, money));
  watching.observe(money, { childList: true, characterData: true, subtree: true });
  mark(section, money);
  if (centred) centre(section);
}

/** The row at the money gets the mark; when it is not shown, or too near to an end, fresh strikes are asked for. */
function mark(section, money) {
  const strike = money.textContent.replaceAll(",", "");
  const rows = [...section.querySelectorAll("tr[data-strike]")];
  const place = rows.findIndex((row) => row.dataset.strike === strike);
  rows.forEach((row, number) => row.classList.toggle("atm", number === place));
  const isFar = place < EDGE || place >= rows.length - EDGE;
  if (rows.length && /\d/.test(strike) && isFar && askedFor !== strike) {
    askedFor = strike; // once: a ladder may simply end here
    window.htmx.trigger(section, "refresh");
  }
}

/** The row at the money into the middle of what is seen, without moving the page. */
function centre(section) {
  const [region, row] = [section.querySelector(".scroll"), section.querySelector("tr.atm")];
  if (row) region.scrollTop = row.offsetTop - (region.clientHeight - row.offsetHeight) / 2;
  const strike = row?.querySelector(".pin");
  if (strike) region.scrollLeft = strike.offsetLeft - (region.clientWidth - strike.offsetWidth) / 2;
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** From pick to pick: the rows up and down, the four of a row to the sides. */
function move(event) {
  const from = event.target.closest?.("#chain .picks button");
  const step = STEPS[event.key];
  if (!from || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...chain().querySelectorAll("tr[data-strike]")];
  const row = rows.indexOf(from.closest("tr"));
  const picks = (one) => [...(one?.querySelectorAll(".picks button") ?? [])];
  picks(rows[row + step[0]])[picks(rows[row]).indexOf(from) + step[1]]?.focus();
  event.preventDefault();
}

/** The spot's price is the newest of all: its age is that of the chain. */
function tellAge() {
  const newest = document.querySelector("#chain [data-newest]");
  if (!newest) return;
  const ages = [...document.querySelectorAll(".chain-sums [data-at]")].map((cell) => Number(cell.dataset.at));
  if (ages.length) newest.dataset.ageOf = Math.max(...ages);
}

export function startChain() {
  if (!chain()) return;
  document.addEventListener("keydown", move);
  document.addEventListener("htmx:afterSettle", ({ target }) => target.id === "chain" && begin(false));
  setInterval(tellAge, 1000);
  begin(true);
}
