#pragma once

namespace upswing::report {

/// The style sheet of the HTML report: light and dark by the reader's setting, one column on
/// phones, plain on paper. No font and no image is fetched.
inline constexpr char kHtmlStyle[] = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#14181f;--soft:#5a6472;--faint:#8a94a3;
--line:#e2e6ec;--grid:#edf0f4;--good:#0a7a43;--good-bg:#e5f5ec;--bad:#b3261e;--bad-bg:#fdeceb;
--wait:#3b4a63;--wait-bg:#e9eef6;--warn:#8a5a00;--warn-bg:#fdf3dc;
--v0:#6b7687;--v1:#2563eb;--v2:#c2410c;--v3:#0f766e;--v4:#7c3aed;--v5:#be185d;--v6:#4d7c0f}
@media (prefers-color-scheme:dark){:root{--page:#0f1318;--card:#171c23;--ink:#e8ecf2;--soft:#a6b0be;
--faint:#7d8896;--line:#2a313b;--grid:#222932;--good:#5ed99b;--good-bg:#12301f;--bad:#ff8a80;
--bad-bg:#3a1a18;--wait:#b4c4de;--wait-bg:#1f2835;--warn:#f2c268;--warn-bg:#33280f;
--v0:#93a0b3;--v1:#7ab0ff;--v2:#fb9a5b;--v3:#3fd6c3;--v4:#bda4ff;--v5:#f783bb;--v6:#a9dd55}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans","PingFang SC","Noto Sans CJK SC",sans-serif;
-webkit-text-size-adjust:100%}
main{max-width:1160px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere;letter-spacing:-.01em}
h2{font-size:17px;margin:0 0 2px;letter-spacing:-.005em}
h3{font-size:14px;margin:0;font-weight:600;overflow-wrap:anywhere}
p{margin:0} h3.after{margin-top:18px} section>ul{margin:0 0 12px;padding-left:18px}
bdi{overflow-wrap:anywhere}
.meta{color:var(--soft);font-size:13px;display:flex;flex-wrap:wrap;gap:2px 18px;margin-top:8px}
.meta b{color:var(--ink);font-weight:600;font-variant-numeric:tabular-nums}
.soft{color:var(--soft)} .note{color:var(--soft);font-size:13px;margin-bottom:14px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin-top:18px}
.verdict{border-left:6px solid var(--wait);display:grid;gap:6px}
.verdict .what{font-size:22px;font-weight:700;letter-spacing:-.01em}
.verdict.good{border-left-color:var(--good)} .verdict.good .what{color:var(--good)}
.verdict.bad{border-left-color:var(--bad)} .verdict.bad .what{color:var(--bad)}
.verdict ul{margin:8px 0 0;padding-left:18px}
.badge{display:inline-block;border-radius:999px;padding:2px 10px;font-size:12px;font-weight:600;white-space:nowrap}
.badge.good{background:var(--good-bg);color:var(--good)} .badge.bad{background:var(--bad-bg);color:var(--bad)}
.badge.warn{background:var(--warn-bg);color:var(--warn)} .badge.wait{background:var(--wait-bg);color:var(--wait)}
.row{display:flex;align-items:baseline;gap:10px;flex-wrap:wrap}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;color:var(--soft);margin-bottom:12px}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.forest{display:grid;grid-template-columns:minmax(150px,260px) minmax(160px,1fr) minmax(190px,auto);column-gap:0}
.forest>*{min-width:0}
.forest .name{padding:7px 0;border-top:1px solid var(--grid)} .forest .plot{border-top:1px solid var(--grid);position:relative;min-height:46px;margin:0}
.forest .said{padding:7px 0;border-top:1px solid var(--grid);text-align:right;font-variant-numeric:tabular-nums}
.forest .name small,.forest .said small{display:block;color:var(--soft);font-size:12px}
.forest .head{border-top:0;padding:0 0 2px;font-size:12px;color:var(--soft)}
.forest .plot svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.forest .name,.forest .head:first-child{padding-right:18px}.forest .said{padding-left:18px}
.forest .axis svg{display:block;width:100%;height:18px;overflow:visible}
.lift{font-weight:650} .lift.good{color:var(--good)} .lift.bad{color:var(--bad)}
svg text{fill:var(--soft);font-size:11px;font-family:inherit}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:22px}
.charts svg{display:block;width:100%;height:auto;margin-top:6px}
.steps{display:grid;gap:14px} .step{display:grid;gap:4px}
.bar{display:grid;grid-template-columns:minmax(80px,160px) 1fr 290px;gap:10px;align-items:center;font-size:13px}
.bar>span{overflow-wrap:anywhere} .track{background:var(--grid);border-radius:4px;height:16px;overflow:hidden}
.track i{display:block;height:100%;border-radius:4px}
.bar .said{text-align:right;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:0 -22px;padding:0 22px}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th{font-weight:600;color:var(--soft);text-align:left;border-bottom:1px solid var(--line);padding:6px 12px 6px 0;white-space:nowrap;vertical-align:bottom}
td{border-bottom:1px solid var(--grid);padding:7px 12px 7px 0;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}
td bdi{display:inline-block;min-width:110px;max-width:300px} td.finding bdi{min-width:180px;max-width:640px}
summary{cursor:pointer;font-size:13px;color:var(--soft);padding:6px 0} details[open] summary{margin-bottom:6px}
.spark{width:120px;height:26px;display:block}
footer{color:var(--faint);font-size:12px;margin-top:20px}
@media (max-width:640px){main{padding:18px 12px 40px}section{padding:16px 14px;border-radius:10px}
h1{font-size:22px}.scroll{margin:0 -14px;padding:0 14px}
.forest{grid-template-columns:1fr}.forest .plot{border-top:0}.forest .said{border-top:0;text-align:left;padding-top:0}
.forest .name{padding-bottom:0}.forest .name,.forest .said{padding-left:0;padding-right:0}.forest .plot{min-height:34px}.forest .head.h{display:none}
.bar{grid-template-columns:1fr auto}.bar .track{grid-column:1/-1;grid-row:2}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--faint:#666;--line:#ccc;
--grid:#e6e6e6;--good:#0a7a43;--good-bg:#e5f5ec;--bad:#b3261e;--bad-bg:#fdeceb;--wait:#3b4a63;--wait-bg:#e9eef6;
--v0:#6b7687;--v1:#2563eb;--v2:#c2410c;--v3:#0f766e;--v4:#7c3aed;--v5:#be185d;--v6:#4d7c0f}
@page{margin:12mm}h1,h2,h3{break-after:avoid}
body{font-size:11px}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
main{max-width:none;padding:0}section{break-inside:avoid;border-color:#ccc}section.long{break-inside:auto}section.long>.row,section.long>.note{break-after:avoid}tr{break-inside:avoid}
.scroll{overflow:visible}table{font-size:7.5px}td,th{padding:2px 3px}}
)css";

}  // namespace upswing::report
