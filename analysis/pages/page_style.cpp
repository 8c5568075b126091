#include "analysis/pages/page_style.hpp"

namespace spillway::analysis::pages {

const char* const page_css = R"css(
:root { color-scheme: light dark;
  --ground: #fcfcfb; --raised: #f3f2ee; --ink: #161615; --soft: #52514e; --rule: #dcdbd4;
  --axis: #8a8982; --link: #1c5cab; --roof: #52514e; --quiet: #d3d2ca;
  --c1: #2a78d6; --c2: #1baf7a; --c3: #eda100; --c4: #008300;
  --c5: #4a3aa7; --c6: #e34948; --c7: #e87ba4; --c8: #8a6d52; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #1a1a19; --raised: #262624; --ink: #f4f3ef; --soft: #c3c2b7; --rule: #3a3a37;
  --axis: #898781; --link: #86b6ef; --roof: #c3c2b7; --quiet: #4a4a46;
  --c1: #3987e5; --c2: #199e70; --c3: #c98500; --c4: #3fa83f;
  --c5: #9085e9; --c6: #e66767; --c7: #d55181; --c8: #b39474; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
h1 { font-size: 24px; line-height: 1.25; margin: 24px 0 8px; }
h2 { font-size: 19px; margin: 44px 0 10px; padding-top: 12px; border-top: 1px solid var(--rule); }
h3 { font-size: 15px; margin: 26px 0 6px; }
p { margin: 6px 0 12px; max-width: 78ch; }
a { color: var(--link); }
nav ul, ul.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; padding: 0;
  margin: 8px 0; }
ul.legend li { display: inline-flex; align-items: center; gap: 6px; color: var(--soft);
  font-size: 13px; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; background: var(--ground); padding: 6px 10px; z-index: 1; }
.wide { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: 13.5px; margin: 6px 0 14px; }
caption { text-align: left; color: var(--soft); padding: 4px 0; }
th, td { padding: 3px 12px 3px 0; border-bottom: 1px solid var(--rule); text-align: left;
  vertical-align: top; overflow-wrap: normal; }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 400; white-space: nowrap; }
tbody th, thead th:first-child { position: sticky; left: 0; background: var(--ground); }
.v { white-space: nowrap; }
tr.inner th { padding-left: 1.2em; color: var(--soft); }
tr.total th, tr.total td { font-weight: 600; }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td small { display: block; color: var(--soft); font-size: 12px; }
td.prose { min-width: 14em; max-width: 44em; }
.none, .missing { color: var(--soft); }
.missing { border-left: 3px solid var(--rule); padding-left: 10px; }
details { margin: 8px 0; }
summary { cursor: pointer; color: var(--link); width: fit-content; }
figure { margin: 12px 0; }
figcaption { color: var(--soft); font-size: 13.5px; }
svg.chart { display: block; width: 100%; min-width: 640px; max-width: 980px; height: auto; }
svg text { fill: var(--ink); font-size: 12px; }
svg text.tick { fill: var(--soft); font-size: 11.5px; }
svg text.middle { text-anchor: middle; }
svg text.end { text-anchor: end; }
svg text.strong { font-weight: 700; font-size: 13px; }
svg .grid { stroke: var(--rule); }
svg .axis { stroke: var(--axis); }
svg .roof { stroke: var(--roof); stroke-width: 2; fill: none; }
svg.chart rect, svg.chart circle { stroke: var(--ground); stroke-width: 0.6; }
.c1 { fill: var(--c1); } .c2 { fill: var(--c2); } .c3 { fill: var(--c3); } .c4 { fill: var(--c4); }
.c5 { fill: var(--c5); } .c6 { fill: var(--c6); } .c7 { fill: var(--c7); } .c8 { fill: var(--c8); }
.quiet { fill: var(--quiet); }
footer { color: var(--soft); font-size: 13px; margin-top: 40px; padding-bottom: 30px; }
@media (max-width: 600px) { header, main, footer { padding: 0 12px; } h1 { font-size: 20px; }
  tbody th { white-space: normal; min-width: 8.5em; max-width: 42vw; }
  td.prose { min-width: 11em; } }
@media print {
  :root { color-scheme: light;
    --ground: #fff; --raised: #fff; --ink: #000; --soft: #333; --rule: #bbb; --axis: #666;
    --link: #000; --roof: #333; --quiet: #ccc;
    --c1: #2a78d6; --c2: #1baf7a; --c3: #eda100; --c4: #008300;
    --c5: #4a3aa7; --c6: #e34948; --c7: #e87ba4; --c8: #8a6d52; }
  body { font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, .skip { display: none; }
  .wide { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding-right: 7px; }
  thead th { white-space: normal; }
  svg.chart { min-width: 0; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
)css";

}  // namespace spillway::analysis::pages
