// Requests that can be tried from the reference: each form becomes the request of its operation, which is sent to this very
// service, and the answer is shown as it came. The token stays in this page's memory.
"use strict";

const token = document.querySelector("#token");
// Enter would load the page anew, and the token with it be gone.
token?.form.addEventListener("submit", (event) => event.preventDefault());

// What a form asks for: method, target, headers and body.
const request = (form) => {
  const { method, path } = form.dataset;
  const headers = new Headers({ accept: "application/json" });
  const query = new URLSearchParams();
  let target = path;
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.value === "" && field.dataset.in !== "path") continue;
    if (field.dataset.in === "path") target = target.replace(`{${field.name}}`, encodeURIComponent(field.value));
    if (field.dataset.in === "query") query.append(field.name, field.value);
    if (field.dataset.in === "header") headers.append(field.name, field.value);
  }
  const body = form.querySelector("textarea")?.value;
  if (body !== undefined) headers.set("content-type", "application/json");
  if (token !== null && token.value !== "") headers.set("authorization", `Bearer ${token.value}`);
  if (query.size > 0) target += `?${query}`;
  return [target, { method, headers, body }];
};

// As much of an answer as a page shows without trouble.
const MOST = 100_000;

// An answer as text, JSON with line breaks.
const shown = async (answer, took) => {
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const text = await answer.text();
  const isJson = /[/+]json\b/.test(answer.headers.get("content-type") ?? "");
  const body = isJson && text !== "" ? JSON.stringify(JSON.parse(text), null, 2) : text;
  const rest = body.length > MOST ? `\n… and ${body.length - MOST} more characters` : "";
  return `${answer.status} ${answer.statusText} (${took} ms)\n${headers}\n\n${body.slice(0, MOST)}${rest}`;
};

for (const form of document.querySelectorAll("form.try")) {
  const output = form.querySelector("output");
  form.querySelector("button").hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.hidden = false;
    output.setAttribute("aria-busy", "true");
    const [target, options] = request(form);
    const began = performance.now();
    let text;
    try {
      const answer = await fetch(target, options);
      text = await shown(answer, Math.round(performance.now() - began));
    } catch (problem) {
      text = `No answer: ${problem.message}`;
    }
    const told = document.createElement("pre");
    told.tabIndex = 0;
    told.textContent = `${options.method} ${target}\n\n${text}`;
    output.replaceChildren(told);
    output.removeAttribute("aria-busy");
  });
}
