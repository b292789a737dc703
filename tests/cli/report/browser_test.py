"""The pages of `cascadecl report` in a real browser: charts drawn, no error, no request, light, dark and narrow.

usage: browser_test.py CASCADECL FOLDER      FOLDER: emptied and used
Skipped (status 77) where there is no Chromium.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time

MISTAKE = "</script><img src=x onerror=throw(1)>"  # a name that must stay a name


def run(*arguments):
    subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL)


def sweep():
    stages = [("resnet-8", 10.0, 0.5), ("resnet-14", 30.0, 0.7)]
    points = []
    for policy, frozen in [("learned", True), ("learned", False), ("confidence", True), ("oracle", True)]:
        for step in range(1, 4):
            for seed in range(1, 4):
                cost = 8.0 * step + 0.2 * seed
                bonus = 0.4 if policy == "oracle" else 0  # far above all stages
                points.append({"policy": policy, "parameter": 0.1 * step, "alpha": 0.1 * step, "seed": seed,
                               "frozen": frozen, "combine": "reweight", "top1": 0.4 + bonus + 0.06 * step + 0.002 * seed,
                               "mmac_per_image": cost, "mac_fraction": cost / 30, "ms_per_image": cost / 20,
                               "mj_per_image": None, "stopped": [60, 40]})
    return {"format": "cascadecl-sweep", "format_version": 1, "created_by": MISTAKE, "command": MISTAKE, "images": 100,
            "device": MISTAKE, "energy_reason": MISTAKE, "points": points,
            "stages": [{"network": network, "mmac": mmac, "top1": top1, "ece": 0.02, "ms_per_image": mmac / 18}
                       for network, mmac, top1 in stages]}


def make_page(cascadecl, folder):
    data, model, page = (os.path.join(folder, name) for name in ("data.h5", "model.h5", "report.html"))
    run(cascadecl, "data", "generate", "-o", data, "--train", "80", "--test", "40", "--size", "8", "--quiet")
    run(cascadecl, "train", "--data", data, "--stages", "resnet-8,resnet-14", "-o", model, "--epochs", "2",
        "--phases", "pretrain,policy,joint", "--policy-epochs", "3", "--joint-epochs", "1", "--batch-size", "16",
        "--quiet")
    with open(os.path.join(folder, "sweep.json"), "w", encoding="utf-8") as file:
        json.dump(sweep(), file)
    run(cascadecl, "report", model, os.path.join(folder, "sweep.json"), "--data", data, "-o", page, "--title", MISTAKE,
        "--quiet")
    return page


class Browser:
    """Chromium, spoken to over its DevTools pipe. Events that came in are in `events`."""

    def __init__(self, program, profile):
        to_browser, self.write = os.pipe()
        self.read, from_browser = os.pipe()
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        # The browser expects its pipes as files 3 and 4.
        script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(["bash", "-c", script, "bash", *command], pass_fds=(to_browser, from_browser),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.rest, self.number, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.call(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.rest:
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.write, json.dumps(request).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") != self.number:
                self.events.append(message)
            elif "error" in message:
                raise RuntimeError(f"{method}: {message['error']}")
            else:
                return message["result"]

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=f"(async () => JSON.stringify({expression}))()",
                           awaitPromise=True, returnByValue=True)
        if "value" not in result["result"]:  # undefined, or an exception in the expression
            return None
        return json.loads(result["result"]["value"])

    def open(self, page, width, dark):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=f"file://{page}")
        for _ in range(300):  # a slow machine needs its time; the page itself is drawn when it has loaded
            if self.evaluate("document.readyState === 'complete' && location.protocol === 'file:' && "
                             "document.documentElement.dataset.figures"):
                return
            time.sleep(0.1)
        state = self.evaluate("{...document.documentElement.dataset}")
        sys.exit(f"browser test: the page has not drawn its figures: {state}")

    def close(self):
        self.process.kill()
        self.process.wait()


def check(holds, what):
    if not holds:
        sys.exit(f"browser test: {what}")


def check_view(browser, page, width, dark):
    view = f"{width} pixels, {'dark' if dark else 'light'}"
    browser.events.clear()
    browser.open(page, width, dark)
    state = browser.evaluate("{...document.documentElement.dataset}")
    check(state.get("errors") == "0", f"{view}: {state}")
    canvases = browser.evaluate("[...document.querySelectorAll('canvas')].map(c => ({...c.dataset, width: c.width, "
                                "name: c.getAttribute('aria-label'), table: c.closest('section').querySelectorAll("
                                "'table tbody tr').length}))")
    # Costs in MACs and ms, exits (sweep), savings, exits, calibration of 2 stages, training in 4 phases.
    check(len(canvases) >= 12 and len(canvases) == int(state["figures"]), f"{view}: {len(canvases)} charts")
    for canvas in canvases:
        check(int(canvas.get("ink", 0)) > 500 and int(canvas.get("points", 0)) > 0, f"{view}: not drawn: {canvas}")
        check(canvas["name"] and canvas["table"] > 0, f"{view}: no name or table: {canvas}")
    check(browser.evaluate("document.documentElement.scrollWidth") <= width, f"{view}: wider than the screen")
    check_costs(browser, view)
    images = browser.evaluate("[...document.images].map(i => [i.naturalWidth, i.alt])")
    check(images and all(size == 8 and alt for size, alt in images), f"{view}: images: {images}")
    check(browser.evaluate("document.title") == MISTAKE, f"{view}: title")
    check("onerror" in browser.evaluate("document.querySelector('.absent').textContent"), f"{view}: reason of no energy")
    for event in browser.events:
        method, parameters = event.get("method"), event.get("params")
        check(method not in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"), f"{view}: {event}")
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            check(url == f"file://{page}" or url.startswith("data:image/png"), f"{view}: request of {url[:100]}")
    return browser.evaluate("getComputedStyle(document.body).backgroundColor")


def check_costs(browser, view):
    """The first figure is framed by the stages alone; the oracle is a mark at its edge; the frontier is in it."""
    chart = browser.evaluate("(() => { const {scales, data} = figures[0].chart; return {x: [scales.x.min, scales.x.max], "
                             "y: [scales.y.min, scales.y.max], series: data.datasets.map(d => [d.label, d.data])}; })()")
    series = {label: points for label, points in chart["series"]}
    stages = [point["x"] for label, points in series.items() if label.startswith("static") for point in points]
    width = max(stages) - min(stages)
    check(min(stages) - 0.1 * width <= chart["x"][0] <= min(stages), f"{view}: axis of cost: {chart}")
    check(max(stages) <= chart["x"][1] <= max(stages) + 0.1 * width, f"{view}: axis of cost: {chart}")
    check(chart["y"][1] < 90, f"{view}: the oracle stretches the axis: {chart['y']}")
    (oracle,) = [points for label, points in series.items() if label.startswith("oracle")]
    check(len(oracle) == 1 and "98.4" in oracle[0]["edge"][1] and abs(oracle[0]["y"] - chart["y"][1]) < 1e-9,
          f"{view}: mark of the oracle: {oracle}")
    check(len(series.get("frontier", [])) >= 1 and len(series.get("chosen", [])) == 1, f"{view}: frontier: {chart}")
    check(browser.evaluate("document.querySelectorAll('#model-0 tr.ours').length") >= 1, f"{view}: chosen row")
    check(browser.evaluate("document.querySelectorAll('#table2 table').length") == 1, f"{view}: Table 2")
    cells = browser.evaluate("[...document.querySelectorAll('table.confusion tbody tr:not(.foot) td')].map(c => c.textContent)")
    counts = [int(cell) for cell in cells if cell.isdigit()]
    check(len(cells) == 110 and sum(counts) == 40, f"{view}: confusions: {cells}")
    check(browser.evaluate("document.querySelector('#cost details.absent').open") is False, f"{view}: energy is not folded")


def check_source(page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    check(not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", text), "the page refers to another address")
    check("default-src 'none'" in text, "the page has no content security policy")


def check_policy(browser):
    """Even a script that wanted to could not reach out."""
    refused = browser.evaluate("await new Promise(done => { addEventListener('securitypolicyviolation', "
                               "event => done(event.effectiveDirective)); fetch('http://127.0.0.1:9/').catch(() => 0); })")
    check(refused == "connect-src", f"the policy refused {refused}")


def main():
    cascadecl, folder = sys.argv[1], os.path.realpath(sys.argv[2])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        print("skipped: no chromium")
        sys.exit(77)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    page = make_page(cascadecl, folder)
    check_source(page)
    browser = Browser(chromium, os.path.join(folder, "profile"))
    try:
        light = check_view(browser, page, 1200, dark=False)
        dark = check_view(browser, page, 1200, dark=True)
        check(light != dark, f"light and dark look alike: {light}")
        check_view(browser, page, 390, dark=False)
        check(len(browser.call("Page.printToPDF")["data"]) > 10000, "printed page is empty")
        check_policy(browser)
    finally:
        browser.close()
    print("all charts drawn, no error, no request")


main()
