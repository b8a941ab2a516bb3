/// The page's only style sheet: light, dark by the reader's setting, and print.
enum StyleSheet {
    static let css = colours + text + layout + drawings + print

    private static let colours = """
        :root{color-scheme:light dark;--ink:#1b2129;--soft:#586573;--line:#dde3ea;--paper:#fff;\
        --panel:#f6f8fa;--mark:#0b62c4;--band:#0b62c426;--other:#8b97a4;--good:#1a7f37;\
        --warn:#9a6700;--bad:#c4292f;--heat-0:#eef2f6;--heat-1:#fde9c8;--heat-2:#f9c88a;\
        --heat-3:#e07b39;--heat-4:#b3331f}
        @media (prefers-color-scheme:dark){:root{--ink:#e4eaf1;--soft:#9ba8b5;--line:#2c343e;\
        --paper:#0f141a;--panel:#171e26;--mark:#62a8f5;--band:#62a8f52e;--other:#7c8894;\
        --good:#4cb765;--warn:#d6a13c;--bad:#f0746f;--heat-0:#1b232c;--heat-1:#4a3a1e;\
        --heat-2:#7a5420;--heat-3:#b4602a;--heat-4:#d2482f}}

        """

    private static let text = """
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);\
        font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
        main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}
        h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
        h2{font-size:19px;margin:44px 0 4px}
        h3{font-size:15px;margin:0 0 8px}
        p{margin:6px 0;max-width:70ch}
        .soft{color:var(--soft)}
        code{font:13px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;\
        overflow-wrap:anywhere}
        ul{margin:8px 0;padding-left:20px}

        """

    private static let layout = """
        .verdict{border-left:6px solid var(--soft);background:var(--panel);padding:16px 20px;\
        margin:20px 0 24px;border-radius:0 8px 8px 0}
        .verdict strong{font-size:19px}
        .promoted{border-color:var(--good)}.held{border-color:var(--warn)}
        .undecided{border-color:var(--bad)}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
        .card{background:var(--panel);border-radius:8px;padding:12px 14px}
        .card b{display:block;font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
        .card span{display:block;font-size:13px;color:var(--soft)}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
        th,td{padding:7px 10px;text-align:right;border-bottom:1px solid var(--line);\
        white-space:nowrap}
        th{font-weight:600;color:var(--soft)}
        th:first-child,td:first-child{text-align:left;padding-left:0}
        td small{color:var(--soft);font-size:12px}
        tr.failed td{color:var(--bad);font-weight:600}
        .units{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:20px}
        .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:28px;\
        align-items:start}
        svg{display:block;width:100%;height:auto}
        .key{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:13px;color:var(--soft);\
        margin:6px 0 14px}
        .key i{display:inline-block;width:22px;height:0;border-top:3px solid;margin-right:7px;\
        vertical-align:middle}
        .key .box{height:11px;border:0;border-radius:2px}
        td.look{color:var(--warn);font-weight:600}.cards+.scroll{margin-top:16px}
        .bad{color:var(--bad)}
        .stages{display:flex;flex-wrap:wrap;gap:10px;list-style:none;margin:14px 0;padding:0}
        .stages li{flex:1 1 150px;background:var(--panel);border-top:5px solid var(--line);\
        border-radius:0 0 8px 8px;padding:10px 14px}
        .stages b{display:block;font-size:15px}.stages span{font-size:13px;color:var(--soft)}
        .stages .passed{border-color:var(--good)}.stages .running{border-color:var(--mark)}
        .stages .paused{border-color:var(--warn)}
        .stages .halted,.stages .aborted{border-color:var(--bad)}
        footer{margin-top:48px;border-top:1px solid var(--line);padding-top:14px;font-size:13px;\
        color:var(--soft)}
        @media (max-width:560px){main{padding:20px 16px 40px}h1{font-size:24px}\
        .cards{grid-template-columns:1fr 1fr}}

        """

    private static let drawings = """
        text{font-size:11px;fill:var(--soft);font-family:inherit}
        text.name{font-size:13px;fill:var(--ink)}
        text.strong{font-weight:650}
        .grid{stroke:var(--line);stroke-width:1}
        .whisker{stroke-width:2;fill:none}
        .mark{stroke:var(--mark);fill:var(--mark)}
        .other{stroke:var(--other);fill:var(--other)}
        .dot{stroke:var(--paper);stroke-width:1.5}
        .line{fill:none;stroke-width:1.5}
        .band{fill:var(--band)}
        .prediction{fill:none;stroke:var(--mark);stroke-width:1.8;stroke-linejoin:round}
        .truth{fill:none;stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 3}
        .horizon{stroke:var(--warn);stroke-width:1;stroke-dasharray:2 3}
        .alarm{stroke:var(--bad);stroke-width:1}
        .alarm-dot{fill:var(--bad)}
        .bar{fill:var(--mark)}.bar-other{fill:var(--other)}
        .promoted-dot{fill:var(--good);stroke:var(--paper)}
        .kept-dot{fill:var(--other);stroke:var(--paper)}
        .held-dot{fill:var(--warn);stroke:var(--paper)}
        .heat-0{fill:var(--heat-0)}.heat-1{fill:var(--heat-1)}.heat-2{fill:var(--heat-2)}
        .heat-3{fill:var(--heat-3)}.heat-4{fill:var(--heat-4)}
        .heat-none{fill:none;stroke:var(--line);stroke-dasharray:3 3}
        .heat-drifting{stroke:var(--ink);stroke-width:2}
        .heat-watched{stroke:var(--warn);stroke-width:1.5;stroke-dasharray:4 2}
        text.heat-text{fill:var(--ink)}text.light{fill:#fff}

        """

    private static let print = """
        @media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#ccc;--paper:#fff;\
        --panel:#f4f4f4;--mark:#0b62c4;--band:#0b62c426;--other:#8b97a4;--good:#1a7f37;\
        --warn:#9a6700;--bad:#c4292f;--heat-0:#eef2f6;--heat-1:#fde9c8;--heat-2:#f9c88a;\
        --heat-3:#e07b39;--heat-4:#b3331f}
        body{font-size:11pt}main{max-width:none;padding:0}
        *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
        section,.unit,.card,tr{break-inside:avoid}h2{break-after:avoid;margin-top:24px}
        .units{grid-template-columns:repeat(3,1fr)}.pair{grid-template-columns:1fr 1fr}
        .cards{grid-template-columns:repeat(5,1fr)}}
        """
}
