// Leaves only those rows of a page's tables in which every word occurs that was typed into the box above them.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".search-rows");
  if (!box) return;
  const rows = [...document.querySelectorAll("article table tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const field = box.querySelector("input"), told = box.querySelector("output");
  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, i) => { row.hidden = !words.every((word) => texts[i].includes(word)); });
    const sections = document.querySelectorAll("article section");
    sections.forEach((part) => {  // a heading without rows would only be in the way
      const mine = part.querySelectorAll("tbody tr");
      part.hidden = words.length > 0 && mine.length > 0 && [...mine].every((row) => row.hidden);
    });
    told.textContent = words.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  };
  field.addEventListener("input", show);
  box.hidden = false;
});
