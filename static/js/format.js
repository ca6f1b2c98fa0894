// Figures as people read them; the twin of app/web/format.py, both held to tests/data/formats.json.
// Values come as decimal text ("1234.50"), so that nothing passes through a binary fraction.

const MISSING = "–";
const MINUS = "−";
const BLANK = "\u00a0";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SYMBOLS = { INR: "₹", USD: "$", EUR: "€", GBP: "£" };
const IST_OFFSET = 5.5 * 3_600_000;

/** Sign and digits of a decimal text, rounded half away from zero to `places`. */
function rounded(value, places) {
  const [, minus, whole, fraction = ""] = /^(-?)(\d*)(?:\.(\d*))?$/.exec(String(value));
  let scaled = BigInt((whole || "0") + fraction.padEnd(places, "0").slice(0, places));
  if ((fraction[places] ?? "0") >= "5") scaled += 1n;
  const text = scaled.toString().padStart(places + 1, "0");
  return {
    sign: scaled === 0n ? 0 : minus ? -1 : 1,
    whole: places ? text.slice(0, -places) : text,
    fraction: places ? text.slice(-places) : "",
  };
}

function digits(value, places, group) {
  const { whole, fraction } = rounded(value, places);
  const parts = [whole.slice(-3)];
  for (let end = whole.length - 3; end > 0; end -= group) parts.unshift(whole.slice(Math.max(0, end - group), end));
  return parts.join(",") + (fraction && `.${fraction}`);
}

const minus = (value, places) => (rounded(value, places).sign < 0 ? MINUS : "");
const placesOf = (value) => (/\.(\d*?)0*$/.exec(String(value))?.[1] ?? "").length;
const none = (value) => value === null || value === undefined || value === "";

function amount(value, currency, places) {
  const text = digits(value, places, currency === "INR" ? 2 : 3);
  return SYMBOLS[currency] ? SYMBOLS[currency] + text : text + BLANK + currency;
}

/** The value divided by a power of ten, as decimal text. */
function shifted(value, power) {
  const [, sign, whole, fraction = ""] = /^(-?)(\d*)(?:\.(\d*))?$/.exec(String(value));
  const padded = whole.padStart(power + 1, "0");
  return `${sign}${padded.slice(0, -power)}.${padded.slice(-power)}${fraction}`;
}

export const indian = (value, places = 2) =>
  none(value) ? MISSING : minus(value, places) + digits(value, places, 2);

export const western = (value, places = 2) =>
  none(value) ? MISSING : minus(value, places) + digits(value, places, 3);

export const money = (value, currency = "INR", places = 2) =>
  none(value) ? MISSING : minus(value, places) + amount(value, currency, places);

export function short(value, currency = "INR") {
  const size = Math.abs(Number(value));
  if (none(value) || currency !== "INR" || size < 1e5) return money(value, currency);
  return size < 9_999_500 ? `${money(shifted(value, 5))}${BLANK}L` : `${money(shifted(value, 7))}${BLANK}Cr`;
}

export function tone(value, places = 2) {
  const sign = none(value) ? 0 : rounded(value, places).sign;
  return sign > 0 ? "up" : sign < 0 ? "down" : "flat";
}

export function signed(value, currency = null, places = 2) {
  if (none(value)) return MISSING;
  const body = currency ? amount(value, currency, places) : digits(value, places, 2);
  return { up: `▲${BLANK}+`, down: `▼${BLANK}${MINUS}`, flat: "" }[tone(value, places)] + body;
}

export const percent = (value, places = 2) =>
  none(value) ? MISSING : { up: "+", down: MINUS, flat: "" }[tone(value, places)] + digits(value, places, 2) + "%";

export function quantity(units, lotSize = null) {
  if (none(units)) return MISSING;
  const places = placesOf(units);
  const bare = indian(units, places);
  const lot = none(lotSize) ? 0n : BigInt(lotSize);
  const whole = BigInt(String(units).split(".")[0]);
  if (!whole || lot <= 1n || places || whole % lot) return bare;
  const lots = whole / lot;
  return `${indian(lots, 0)}${BLANK}${lots === 1n || lots === -1n ? "lot" : "lots"}${BLANK}·${BLANK}${bare}`;
}

export function price(value, tick = null, currency = "INR") {
  const places = none(tick) ? 2 : placesOf(tick);
  return currency === "INR" ? indian(value, Math.max(2, places)) : western(value, places);
}

export function age(seconds) {
  if (none(seconds)) return MISSING;
  const tenths = Math.max(0, Math.floor(Math.round(Number(seconds) * 1e6) / 1e5));
  const whole = Math.floor(tenths / 10);
  if (whole < 1) return `0.${tenths}${BLANK}s`;
  const [size, unit] = whole < 60 ? [1, "s"] : whole < 3600 ? [60, "min"] : whole < 86400 ? [3600, "h"] : [86400, "d"];
  return `${Math.floor(whole / size)}${BLANK}${unit}`;
}

/** `at` is an ISO time or milliseconds since the epoch; the answer is the wall clock in India. */
const inIndia = (at) => new Date(new Date(at).getTime() + IST_OFFSET);

export const clock = (at) => (none(at) ? MISSING : inIndia(at).toISOString().slice(11, 19));

export function day(on) {
  if (none(on)) return MISSING;
  const local = /^\d{4}-\d{2}-\d{2}$/.test(on) ? new Date(on) : inIndia(on);
  return [local.getUTCDate(), MONTHS[local.getUTCMonth()], local.getUTCFullYear()].join(BLANK);
}

export const moment = (at) => (none(at) ? MISSING : [day(at), clock(at), "IST"].join(BLANK));
