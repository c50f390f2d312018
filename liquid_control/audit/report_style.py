# Copyright 2026 The liquid_control Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The look of a report: plain, readable on a phone, in light and in dark."""

STYLE = """
:root{--ink:#1b1f24;--soft:#5c6570;--line:#c9ced6;--paper:#fbfbf9;--card:#fff;--accent:#2b6cb0}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa4b0;--line:#3b424c;--paper:#14171a;--card:#1b1f24;
--accent:#7db4ec}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main{max-width:72rem;margin:0 auto;padding:1.25rem clamp(.9rem,3vw,2.5rem) 4rem}
h1{font-size:clamp(1.5rem,5vw,2.2rem);line-height:1.2;margin:.6rem 0 1rem;font-weight:650;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:0 0 .5rem;font-weight:650}
p{max-width:46rem;margin:.4rem 0 .9rem}
section{border-top:1px solid var(--line);padding:1.6rem 0 .6rem;scroll-margin-top:.5rem}
nav{display:flex;flex-wrap:wrap;gap:.4rem;margin:1.1rem 0 1.4rem}
nav a{color:var(--accent);text-decoration:none;border:1px solid var(--line);border-radius:1rem;padding:.2rem .75rem;
font-size:.88rem}
nav a:hover,nav a:focus-visible{border-color:var(--accent)}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.2rem,1fr));gap:.5rem;margin:0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
.facts div:first-child{grid-column:span 2}
dt{color:var(--soft);font-size:.78rem}
dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.hash,.source,footer{color:var(--soft);font-size:.8rem;overflow-wrap:anywhere}
figure{margin:0}
figcaption{color:var(--soft);font-size:.84rem;text-align:center;padding:.1rem 0 .3rem}
.plot svg{display:block;width:100%;height:auto;overflow:visible}
.plot svg text{font-family:inherit!important}
.plot.wide{max-width:40rem;margin:.6rem 0 1rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(10.4rem,46%),1fr));gap:1rem .9rem;margin:1rem 0}
.grid.big{grid-template-columns:repeat(auto-fill,minmax(min(14rem,46%),1fr));max-width:60rem}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(25rem,100%),1fr));gap:1.2rem 2rem;
align-items:start;margin:.6rem 0 1rem}
.looks{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(25rem,100%),1fr));gap:.9rem 1.2rem;margin:.8rem 0}
.look div{display:grid;grid-template-columns:repeat(3,1fr);gap:2px;border-radius:.4rem;overflow:hidden}
.look img{display:block;width:100%;height:auto}
.table{overflow-x:auto;margin:.5rem 0 1rem}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.28rem 1rem .28rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:500}
details{margin:.6rem 0 1rem;font-size:.92rem}
summary{cursor:pointer;color:var(--accent)}
footer{border-top:1px solid var(--line);padding-top:1rem}
@media print{nav{display:none}details{display:block}body{background:#fff}}
"""
