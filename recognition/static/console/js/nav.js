// On a telephone the navigation is one line that scrolls: let it show the page that one is on.

const nav = document.querySelector(".top nav");
const here = nav?.querySelector("[aria-current]")?.getBoundingClientRect();

// Not scrollIntoView, which may scroll the page as well.
if (here) nav.scrollLeft += here.left - nav.getBoundingClientRect().left - (nav.clientWidth - here.width) / 2;
