"""How the page looks: one style sheet, light and dark, on a phone, on paper.

Colours are by Okabe and Ito, with more contrast on their ground; no meaning hangs on a colour alone: each
verdict has its word and its sign, each arm its shape. On paper a heading reaches, unseen, into what it heads: none
stands alone at the end of a page, though Firefox knows no `break-after: avoid`.

Source: Okabe and Ito, "Color Universal Design" (2008), the eight colours.
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--page:#fcfcfb;--card:#fff;--ink:#1b1d20;--soft:#565c64;--line:#e4e5e7;--faint:#f3f4f4;
--arm0:#00639c;--arm1:#c14d00;--arm2:#a3457b;--pass:#00745a;--block:#b3261e;--inconclusive:#7d5a00;--error:#6a4a9c;
--pass-ground:#e9f5f1;--block-ground:#fcedea;--inconclusive-ground:#fbf3df;--error-ground:#f2edf9}
@media (prefers-color-scheme:dark){:root{--page:#131518;--card:#1a1d21;--ink:#e9ebee;--soft:#a3aab3;--line:#30353b;
--faint:#20242a;--arm0:#62b8f0;--arm1:#f0a05a;--arm2:#d68cb8;--pass:#4cc9a4;--block:#ff8a78;--inconclusive:#e5bd55;
--error:#bfa3ee;--pass-ground:#12302a;--block-ground:#3a1d1a;--inconclusive-ground:#332a12;--error-ground:#2a2138}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans",sans-serif}
main{max-width:54rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
h1,h2,h3,p,dl,ol,ul,figure,table{margin:0}
h2{font-size:1.3rem;line-height:1.3;font-weight:650;margin:3.5rem 0 .25rem;letter-spacing:-.005em}
h3{font-size:1rem;font-weight:650;line-height:1.4}
p,li,dd{max-width:44rem}
.soft,.how,.legend,caption,footer{color:var(--soft)}
.how{margin:.1rem 0 1.1rem}
small,.small{font-size:.85rem;line-height:1.45}
h1,h3,p,li,dd,th[scope=row]{overflow-wrap:anywhere}
td,thead th{overflow-wrap:break-word}
th[scope=row]{min-width:8rem}
.eyebrow{font-size:.9rem;color:var(--soft);margin-bottom:1rem}
.eyebrow b{color:var(--ink);font-weight:600}
.verdict{border-left:5px solid;padding:.2rem 0 .2rem 1.25rem}
.verdict .word{display:flex;align-items:center;gap:.55rem;font-weight:700;letter-spacing:.05em;font-size:.95rem}
.verdict h1{color:var(--ink);font-size:clamp(1.3rem,1rem + 1.6vw,1.75rem);line-height:1.3;font-weight:620;
letter-spacing:-.012em;margin:.5rem 0 0}
.would{margin-top:.8rem;color:var(--ink)}
.would b,.change b{font-weight:600}
.v-pass{color:var(--pass);border-color:var(--pass)}.v-block{color:var(--block);border-color:var(--block)}
.v-inconclusive{color:var(--inconclusive);border-color:var(--inconclusive)}
.v-error{color:var(--error);border-color:var(--error)}
.sign{flex:none;display:block}
.sign path{fill:none;stroke:currentColor;stroke-width:2.2;stroke-linecap:round;stroke-linejoin:round}
.arms{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:1rem;margin:2rem 0 0}
.arm{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem 1.15rem}
.arm h2{font-size:.95rem;margin:0;display:flex;gap:.45rem;align-items:center;font-weight:600}
.arm .rate{font-size:2.1rem;line-height:1.2;font-weight:600;letter-spacing:-.02em;margin-top:.35rem}
.arm p{font-size:.9rem;color:var(--soft);line-height:1.5}
.arm p.rate{color:var(--ink)}
.arm svg.bar{display:block;overflow:visible;margin:.45rem 0 .7rem}
.arm p+p.counted{margin-top:.45rem}
nav{margin:2rem 0 0;font-size:.9rem;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem}
a{color:var(--arm0);text-decoration-color:var(--line);text-underline-offset:.2em;text-decoration-thickness:1px}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--arm0);outline-offset:3px;
border-radius:2px}
.gate{border-top:1px solid var(--line);padding:1.1rem 0;display:grid;grid-template-columns:9.5rem 1fr;
gap:.2rem 1.25rem}
.gate:first-of-type{margin-top:1rem}
.gate .word{display:flex;gap:.45rem;align-items:center;align-self:start;font-weight:700;font-size:.8rem;
letter-spacing:.04em;
line-height:1.55rem}
.gate .change{margin-top:.35rem;color:var(--soft)}
.gate details{margin-top:.5rem}
.num,table.numbers td:not(.text){font-variant-numeric:tabular-nums}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;background:var(--faint);
border-radius:3px;padding:.1em .3em}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.scroll{overflow-x:auto;margin-top:.75rem}
table{border-collapse:collapse;width:100%;font-size:.92rem;line-height:1.45}
caption{text-align:left;padding-bottom:.5rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{font-weight:600;font-size:.82rem;color:var(--soft);vertical-align:bottom}
tbody th{font-weight:500}
.right{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
#reasons th:first-child{width:50%}#reasons td{overflow-wrap:anywhere}
td small,tbody th small{display:block;color:var(--soft);font-weight:400;margin-top:.1rem}
tr.sub td{border-bottom:1px solid var(--line);padding-top:0;color:var(--soft);font-size:.88rem}
tr.over>*{border-bottom:0;padding-bottom:.1rem}
.state{display:inline-flex;gap:.4rem;align-items:center;white-space:nowrap;font-weight:600}
.scroll+.small,.map+p{margin-top:.8rem}
.tag{display:inline-block;font-size:.74rem;line-height:1.5;color:var(--inconclusive);
background:var(--inconclusive-ground);
border-radius:3px;padding:0 .4em;white-space:nowrap;font-weight:600}
figure{margin-top:1rem}figure+figure{margin-top:2.75rem}
.plot{display:block;margin-top:.5rem;overflow:visible}
.map{width:100%;max-width:40rem;height:auto;border:1px solid var(--line);border-radius:8px;background:var(--card)}
.stretched{overflow:visible}
.plot text,.axis text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
.plot .name{fill:var(--ink)}
.plot .pass{fill:var(--pass);font-weight:600}.plot .block{fill:var(--block);font-weight:600}
.middle{text-anchor:middle}.end{text-anchor:end}
.grid{stroke:var(--line);stroke-width:1}.tick{stroke:var(--soft);stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.interval{stroke-width:2;stroke-linecap:round}
.mark{stroke-width:1.75}
.line.arm0,.interval.arm0,.mark.arm0{stroke:var(--arm0)}.line.arm1,.interval.arm1,.mark.arm1{stroke:var(--arm1)}
.line.arm2,.interval.arm2,.mark.arm2{stroke:var(--arm2)}
path.mark.arm0{fill:var(--arm0)}path.mark.arm1{fill:var(--arm1)}path.mark.arm2{fill:var(--arm2)}
path.mark.hollow{fill:var(--card)}
.map path.mark{stroke-width:1.4;fill-opacity:.75}
.region{stroke:none}.plot path.region.pass{fill:var(--pass-ground)}.plot path.region.block{fill:var(--block-ground)}
.edge{fill:none;stroke-width:1.25;stroke-dasharray:4 3}
.plot path.edge{fill:none}.edge.pass{stroke:var(--pass)}.edge.block{stroke:var(--block)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;font-size:.9rem;margin-bottom:.6rem}
.narrow{display:none}
.key{display:inline-flex;gap:.4rem;align-items:center}
.swatch{overflow:visible;flex:none}
.tasks td,.tasks th{padding-top:.3rem;padding-bottom:.3rem;vertical-align:middle}
.tasks .bars{width:42%;min-width:8rem;padding-right:0}.tasks .bars+*{padding-left:1.5rem}
.tasks td.bars{background:linear-gradient(var(--line),var(--line)) 0 0/1px 100% no-repeat,
linear-gradient(var(--line),var(--line)) 50% 0/1px 100% no-repeat,
linear-gradient(var(--line),var(--line)) 100% 0/1px 100% no-repeat}
.tasks td svg,.tasks th svg{display:block;overflow:visible;width:100%}
.tasks tbody th{font-size:.9rem}
.tasks thead .swatch{display:inline-block;width:12px;margin-right:.3rem;vertical-align:-1px}
details{margin-top:1rem}
summary{cursor:pointer;color:var(--soft);font-size:.9rem;width:fit-content}
summary:hover{color:var(--ink)}
.facts{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.2rem 1.25rem;font-size:.9rem;
margin-top:.6rem}
.facts dt{color:var(--soft)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem;margin-top:.75rem}
.run{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.9rem 1.1rem;min-width:0;
overflow:hidden}
.run h4{margin:0;font-size:.9rem;font-weight:600;display:flex;flex-wrap:wrap;gap:.1rem .5rem;align-items:center}
.run h4 .word{display:inline-flex;gap:.35rem;align-items:center}
.run ol{padding-left:1.5rem;margin:.6rem 0 0;
font:.84rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.run li{overflow-wrap:anywhere}
.run li::marker{color:var(--soft)}
.run li.other{background:var(--inconclusive-ground);box-shadow:0 0 0 3px var(--inconclusive-ground);border-radius:1px}
.run .answer{white-space:pre-wrap;overflow-wrap:anywhere;margin-top:.7rem;padding-top:.7rem;
border-top:1px solid var(--line);
font-size:.93rem;max-height:24rem;overflow:auto}
.run .why{margin-top:.5rem;font-size:.88rem;color:var(--soft);overflow-wrap:anywhere}
.contrast,.under{margin-top:1.75rem}
.notes{padding-left:1.1rem;margin-top:.6rem}.notes li{margin:.35rem 0;overflow-wrap:anywhere}
footer{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.85rem}
@media (max-width:40rem){main{padding:1.5rem 1rem 3rem}.gate{grid-template-columns:1fr;padding:1rem 0}
.pair{grid-template-columns:1fr}h2{margin-top:2.75rem}th,td{padding-right:.6rem}.wide{display:none}
.tasks .bars{width:36%;min-width:6.5rem}.tasks .bars+*{padding-left:.7rem}.narrow{display:flex}
.tasks th svg+bdi{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.state,.right small,thead th.right{white-space:normal}.right{min-width:4.2rem}.state{min-width:9rem}
th[scope=row]{min-width:6.5rem}.plot text,.axis text{font-size:11px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--faint:#f3f4f4;
--arm0:#00639c;--arm1:#c14d00;--arm2:#a3457b;--pass:#00745a;--block:#b3261e;--inconclusive:#7d5a00;--error:#6a4a9c;
--pass-ground:#e9f5f1;--block-ground:#fcedea;--inconclusive-ground:#fbf3df;--error-ground:#f2edf9}
body{font-size:10pt}main{max-width:none;padding:0}nav{display:none}figure,.gate,.run,.arm,tr{break-inside:avoid}
h2,h3,.how,.legend,.contrast>p{break-after:avoid}
h2{break-inside:avoid}h2::after{content:"";display:block;height:8rem;margin-bottom:-8rem}.arm h2::after{content:none}
#repeats h2::after,#sequence h2::after{height:25rem;margin-bottom:-25rem}details:not([open]){display:none}
.how,.legend,#latency,#answers{break-inside:avoid}.scroll,.run .answer{overflow:visible;max-height:none}@page{margin:16mm}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""
