"""Opens the page of `matchbox serve` in headless Chromium, checks what it shows and takes screenshots.
   apt-get install chromium; python3 -m venv v && v/bin/pip install websocket-client==1.9.0
   v/bin/python tests/reference/page.py URL FOLDER [--stop]
URL: as `matchbox serve` prints it.  With --stop it also presses the buttons of the first running run.
Last done with Chromium 156 and a page of 16 runs, one of them training."""
import base64, json, os, subprocess, sys, tempfile, time, urllib.request, websocket

url, folder, stop = sys.argv[1], sys.argv[2], "--stop" in sys.argv
profile = tempfile.mkdtemp()
browser = subprocess.Popen(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
                            "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.DEVNULL)
try:
    port_file = os.path.join(profile, "DevToolsActivePort")
    for _ in range(200):
        if os.path.exists(port_file) and open(port_file).read().count("\n"): break
        time.sleep(0.1)
    port = open(port_file).readline().strip()
    page = [t for t in json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json")) if t["type"] == "page"][0]
    ws, number, problems = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=30), 0, []

    def call(method, **params):
        global number
        number += 1
        ws.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            m = json.loads(ws.recv())
            if m.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                entry = m["params"].get("entry", {})
                if "404" not in entry.get("text", ""): problems.append(json.dumps(m["params"])[:300])
            if m.get("id") == number: return m.get("result", m)

    def js(text): return call("Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True)["result"].get("value")

    def shot(name, width, height, scale=1, dark=False):
        call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        for tall in (height, js("document.documentElement.scrollHeight")):  # the window as tall as the page: a picture of all of it
            call("Emulation.setDeviceMetricsOverride", width=width, height=tall, deviceScaleFactor=scale, mobile=width < 600)
            time.sleep(1.2)
        wide = js("document.documentElement.scrollWidth")
        assert wide <= width, f"{name}: {wide} wide in a window of {width}"
        data = call("Page.captureScreenshot", format="png")["data"]
        open(os.path.join(folder, name), "wb").write(base64.b64decode(data))

    for domain in ("Page", "Runtime", "Log", "Network"): call(domain + ".enable")
    call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    call("Page.navigate", url=url)
    time.sleep(4)
    assert js("document.getElementById('link').textContent") == "live", "not connected"
    assert js("document.querySelectorAll('#runs tbody tr').length") > 0, "no runs"
    assert js("document.querySelectorAll('#charts canvas').length") > 0, "no charts"
    assert js("location.hash") == "", "the token is still in the address"
    for _ in range(40):
        if js("!document.getElementById('film').hidden && document.getElementById('film').naturalWidth > 0"): break
        time.sleep(0.5)
    else: raise AssertionError("no episode")
    shot("page.png", 1280, 900)
    shot("page-dark.png", 1280, 900, dark=True)
    shot("page-phone.png", 390, 844)
    shot("page-narrow.png", 320, 600)
    if stop:
        call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
        js("window.confirm = () => true; document.getElementById('checkpoint').click()")
        time.sleep(3)
        assert js("document.getElementById('answer').textContent") == "asked", "checkpoint"
        js("document.getElementById('stop').click()")
        for _ in range(20):
            time.sleep(0.5)
            if js("document.querySelector('#runs tr.chosen .state').textContent") == "stopped": break
        else: raise AssertionError("it did not stop")
    assert not problems, problems
    print("good")
finally:
    browser.terminate()
