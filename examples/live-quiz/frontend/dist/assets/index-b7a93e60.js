// What depends on the environment is in config.json, which is made when the site is deployed.
const state = document.querySelector("#state");

function show(well, text) {
  state.dataset.well = well ? "yes" : "no";
  state.textContent = text;
}

try {
  const config = await (await fetch("/config.json")).json();
  document.querySelector("#stage").textContent = `${config.stage}, API at ${config.apiUrl}`;
  const health = await fetch("/health", { cache: "no-store" });
  show(health.ok, health.ok ? "The quiz can begin." : `The quiz is closed (${health.status}).`);
} catch (why) {
  show(false, `The quiz cannot be reached: ${why}`);
}
