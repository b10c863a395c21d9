const time = await (await fetch("/api/time")).text();
document.getElementById("text").textContent =
  `At ${location.pathname} it is ${time}`;
