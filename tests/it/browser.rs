//! A real browser without a window, spoken to over two pipes: what a page looks like once it is open, and what it asked for.
//!
//! Chromium's `--remote-debugging-pipe` reads requests from file 3 and answers on file 4, JSON objects with a NUL behind each
//! (the DevTools protocol). Where no browser is installed, the tests that need one say so and pass.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
/// Nothing of a first start, nothing from the network, and an end after two minutes whatever happens.
const STARTED: &str = "exec timeout 120 \"$0\" \"$@\" 3<&0 4>&1 >/dev/null 2>&1";
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
];

/// Light or dark, as the page is asked to be.
pub const SCHEMES: [&str; 2] = ["light", "dark"];

/// What can be said of a page with little: whether it is wider than its window, and the text that is hardest to read.
///
/// Contrast is WCAG's, of a text's own colour against the nearest background that is one; 4.5 is what small text needs.
const LOOK: &str = r#"(() => {
  const rgb = text => (text.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  let worst = {contrast: 99, text: ''};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || element.closest('title, style') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), svg = element.closest('svg');
    const [a, b] = [light(rgb(svg ? style.fill : style.color)), light(behind(svg ? svg.parentElement : element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < worst.contrast) worst = {contrast, text: text.slice(0, 60)};
  }
  // A label that leaves its chart is cut.
  const cut = [...document.querySelectorAll('svg text')].filter(text => {
    const [own, all] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()];
    return own.width > 0 && (own.left < all.left - 1 || own.right > all.right + 1);
  }).map(text => text.textContent);
  return {wide: document.documentElement.scrollWidth - innerWidth, ground: getComputedStyle(document.body).backgroundColor,
    contrast: worst.contrast, hardest: worst.text, cut};
})()"#;

/// A page that is open.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    requests: u64,
    session: Option<String>,
    events: Vec<Value>,
}

/// What a page looks like.
#[derive(Debug)]
pub struct Look {
    /// Pixels that it is wider than its window.
    pub wide: f64,
    /// The colour behind everything.
    pub ground: String,
    /// The least contrast of a text with what is behind it.
    pub contrast: f64,
    /// That text.
    pub hardest: String,
    /// Labels of charts that leave them.
    pub cut: Vec<String>,
}

impl Browser {
    /// Starts a browser, with a profile of its own in a directory; nothing where none is installed.
    #[allow(clippy::print_stderr, reason = "a skipped test must not look like one that passed")]
    pub fn start(dir: &Path) -> Option<Browser> {
        let answers =
            |browser: &&&str| Command::new(browser).arg("--version").output().is_ok_and(|output| output.status.success());
        let Some(browser) = BROWSERS.iter().find(answers) else {
            eprintln!("skipped: none of {} is installed", BROWSERS.join(", "));
            return None;
        };
        let profile = format!("--user-data-dir={}", dir.join("profile").display());
        let mut command = Command::new("sh");
        command.args(["-c", STARTED, browser]).args(FLAGS).arg(profile).env("HOME", dir);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let (to, from) = (child.stdin.take().expect("a pipe"), BufReader::new(child.stdout.take().expect("a pipe")));
        let mut browser = Browser { child, to, from, requests: 0, session: None, events: Vec::new() };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}))["sessionId"].clone();
        browser.session = session.as_str().map(String::from);
        for method in ["Page.enable", "Network.enable", "Runtime.enable", "Log.enable"] {
            browser.call(method, json!({}));
        }
        Some(browser)
    }

    /// Opens a file and waits until it is there.
    pub fn open(&mut self, page: &Path) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", page.display())}));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.read();
            self.events.push(event);
        }
    }

    /// Asserts that the page asked for nothing but itself, and that neither it nor the browser complained.
    #[track_caller]
    pub fn assert_quiet(&self) {
        let of = |method: &str| self.events.iter().filter(|event| event["method"] == *method).collect::<Vec<_>>();
        let asked: Vec<&str> =
            of("Network.requestWillBeSent").iter().filter_map(|event| event["params"]["request"]["url"].as_str()).collect();
        assert!(asked.len() == 1 && asked[0].starts_with("file://"), "{asked:?}");
        for complaint in ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"] {
            assert!(of(complaint).is_empty(), "{:#?}", of(complaint));
        }
    }

    /// Looks at the page in a window of a width, light or dark.
    pub fn look(&mut self, width: u32, scheme: &str) -> Look {
        let dark = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", dark);
        let window = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", window);
        let look = self.evaluate(LOOK);
        let text = |name: &str| look[name].as_str().expect("a text").to_string();
        Look {
            wide: look["wide"].as_f64().expect("a number"),
            ground: text("ground"),
            contrast: look["contrast"].as_f64().expect("a number"),
            hardest: text("hardest"),
            cut: look["cut"].as_array().expect("a list").iter().map(ToString::to_string).collect(),
        }
    }

    /// Asserts that a page can be read in both schemes, in wide windows and narrow ones.
    #[track_caller]
    pub fn assert_readable(&mut self) {
        let mut grounds = Vec::new();
        for scheme in SCHEMES {
            for width in [1280, 360] {
                let look = self.look(width, scheme);
                assert!(look.wide <= 0.0, "{width} {scheme}: {look:?}");
                assert!(look.contrast >= 4.5, "{width} {scheme}: {:?} is hard to read, {look:?}", look.hardest);
                assert!(look.cut.is_empty(), "{width} {scheme}: {look:?}");
                grounds.push(look.ground);
            }
        }
        assert_ne!(grounds[0], grounds[2], "dark is not light");
    }

    /// What an expression is in the page.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", json!({"expression": expression, "returnByValue": true}));
        assert!(result["exceptionDetails"].is_null(), "{result:#}");
        result["result"]["value"].clone()
    }

    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.requests += 1;
        let mut request = json!({"id": self.requests, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{request}\0").as_bytes()).expect("the browser reads");
        loop {
            let mut message = self.read();
            if message["id"] == self.requests {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).expect("the browser answers");
        message.pop();
        serde_json::from_slice(&message).unwrap_or_else(|error| panic!("{error}: the browser ended early"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends by itself when it is told to; `timeout` ends it otherwise.
        self.session = None;
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = self.child.wait();
    }
}
