//! Settings: a flag beats the environment, which beats the vault's `config.toml`, which beats the user's, which beats the
//! default. Values stay text until a command asks for them, so that an error can say where the value came from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::color::{Color, color_of_environment, parse_color};
use super::{GlobalArgs, units};
use crate::error::{Error, IoContext, Result};
use crate::vault::api::{OpenOptions, Sync};

/// A setting that can be configured. Its variable is TURNPACK_ and its name in capitals.
struct Key {
    name: &'static str,
    default: &'static str,
}

/// The default grace keeps `rm --undo` possible for a week, long enough to notice a mistake after a weekend.
const KEYS: [Key; 10] = [
    Key { name: "vault", default: "" },
    Key { name: "threads", default: "" },
    Key { name: "memory-limit", default: "" },
    Key { name: "lock-timeout", default: "0" },
    Key { name: "color", default: "auto" },
    Key { name: "redact", default: "" },
    Key { name: "tz", default: "UTC" },
    Key { name: "flush-interval", default: "5s" },
    Key { name: "sync", default: "batch" },
    Key { name: "gc-grace", default: "7d" },
];

/// Where a value comes from, strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Flag(String),
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "--{name}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value that is in force.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) text: OsString,
    pub(super) origin: Origin,
}

/// The environment, so that tests can bring their own.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What all layers together say.
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, Setting>,
    color: Option<Color>,
    warnings: Vec<String>,
}

impl Settings {
    pub(crate) fn load(global: &GlobalArgs) -> Result<Settings> {
        // An empty variable is an unset one: that is how scripts switch one off.
        Settings::layered(global, &|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn layered(global: &GlobalArgs, variables: Variables<'_>) -> Result<Settings> {
        let mut settings = Settings { values: BTreeMap::new(), color: color_of_environment(variables), warnings: Vec::new() };
        settings.take_flags(global);
        settings.take_environment(variables);
        let user = user_file(variables);
        let user_values = user.as_deref().map(read_file).transpose()?.unwrap_or_default();
        // The vault's own file comes before the user's, but the user's may say where the vault is.
        let of_user = |name: &str| user_values.get(name).map(OsString::from);
        let vault = settings.values.get("vault").map(|vault| vault.text.clone()).or_else(|| of_user("vault"));
        if let Some(vault) = vault.map(PathBuf::from).or_else(|| default_vault(variables)) {
            let path = vault.join("config.toml");
            let mut of_vault = read_file(&path)?;
            // A vault that says where the vault is would be a riddle.
            of_vault.remove("vault");
            settings.take_file(&path, of_vault);
        }
        if let Some(path) = user {
            settings.take_file(&path, user_values);
        }
        settings.take_defaults(variables);
        Ok(settings)
    }

    fn take_flags(&mut self, global: &GlobalArgs) {
        let flags = [
            ("vault", global.vault.clone().map(PathBuf::into_os_string)),
            ("threads", global.threads.clone().map(OsString::from)),
            ("memory-limit", global.memory_limit.clone().map(OsString::from)),
            ("lock-timeout", global.lock_timeout.clone().map(OsString::from)),
            ("color", global.color.clone().map(OsString::from)),
            ("redact", global.redact.clone().map(OsString::from)),
        ];
        for (name, value) in flags {
            self.offer(name, value, Origin::Flag(name.into()));
        }
    }

    fn take_environment(&mut self, variables: Variables<'_>) {
        for key in &KEYS {
            let variable = format!("TURNPACK_{}", key.name.to_ascii_uppercase().replace('-', "_"));
            self.offer(key.name, variables(&variable), Origin::Environment(variable));
        }
    }

    fn take_file(&mut self, path: &Path, values: BTreeMap<String, String>) {
        for (name, value) in values {
            match KEYS.iter().find(|key| key.name == name) {
                Some(key) => self.offer(key.name, Some(value.into()), Origin::File(path.to_path_buf())),
                None => self.warnings.push(format!("{}: no setting is called {name:?}", path.display())),
            }
        }
    }

    fn take_defaults(&mut self, variables: Variables<'_>) {
        self.offer("vault", default_vault(variables).map(PathBuf::into_os_string), Origin::Default);
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            self.offer(key.name, Some(key.default.into()), Origin::Default);
        }
    }

    /// Layers come strongest first: a value that is there stays.
    fn offer(&mut self, name: &'static str, value: Option<OsString>, origin: Origin) {
        if let Some(text) = value {
            self.values.entry(name).or_insert(Setting { text, origin });
        }
    }

    /// What to tell the user about the files.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Every setting in the order of the table above; none where nothing is set and nothing is the default.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&'static str, Option<&Setting>)> {
        KEYS.iter().map(|key| (key.name, self.values.get(key.name)))
    }

    /// Nobody named a vault: it is where the user's data are.
    pub(crate) fn vault_is_default(&self) -> bool {
        self.values.get("vault").is_some_and(|setting| setting.origin == Origin::Default)
    }

    /// The directory of the vault.
    pub(crate) fn vault(&self) -> Result<&Path> {
        self.values
            .get("vault")
            .map(|setting| Path::new(&setting.text))
            .ok_or_else(|| Error::Usage("which vault? HOME is not set; name one with --vault DIR or TURNPACK_VAULT".into()))
    }

    pub(crate) fn open_options(&self) -> Result<OpenOptions> {
        Ok(OpenOptions {
            threads: self.parsed("threads", None, parse_threads)?,
            memory_limit: self.parsed("memory-limit", None, units::parse_size)?,
            lock_timeout: self.parsed("lock-timeout", None, units::parse_timeout)?.unwrap_or_default(),
            dry_run: false,
            redact: self.redact()?,
        })
    }

    /// A flag beats NO_COLOR and CLICOLOR_FORCE, these beat TERM=dumb, and this the configured habit.
    pub(crate) fn color(&self) -> Result<Color> {
        let asked = self.parsed("color", None, parse_color)?.unwrap_or(Color::Auto);
        let typed = self.values.get("color").is_some_and(|setting| matches!(setting.origin, Origin::Flag(_)));
        Ok(self.color.filter(|_| !typed).unwrap_or(asked))
    }

    /// True when secrets are not shown.
    pub(crate) fn redact(&self) -> Result<bool> {
        let parse = |text: &str| match text {
            "secrets" => Ok(true),
            _ => Err(Error::Usage(format!("{text:?} is nothing that can be redacted; secrets are"))),
        };
        Ok(self.parsed("redact", None, parse)?.unwrap_or(false))
    }

    pub(crate) fn zone(&self, flag: Option<&str>) -> Result<jiff::tz::TimeZone> {
        Ok(self.parsed("tz", flag, units::parse_zone)?.unwrap_or(jiff::tz::TimeZone::UTC))
    }

    pub(crate) fn flush_interval(&self, flag: Option<&str>) -> Result<Duration> {
        Ok(self.parsed("flush-interval", flag, units::parse_duration)?.unwrap_or_default())
    }

    pub(crate) fn sync(&self, flag: Option<&str>) -> Result<Sync> {
        Ok(self.parsed("sync", flag, parse_sync)?.unwrap_or_default())
    }

    pub(crate) fn gc_grace(&self, flag: Option<&str>) -> Result<Duration> {
        Ok(self.parsed("gc-grace", flag, units::parse_duration)?.unwrap_or_default())
    }

    /// The value of a setting, `flag` first; an error says where the value is from.
    fn parsed<T>(&self, name: &str, flag: Option<&str>, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
        if let Some(text) = flag {
            return parse(text).map(Some);
        }
        let Some(setting) = self.values.get(name) else { return Ok(None) };
        let text = setting.text.to_str().ok_or_else(|| Error::Usage(format!("{name} ({}) is not UTF-8", setting.origin)))?;
        match parse(text) {
            Err(Error::Usage(message)) => Err(Error::Usage(format!("{name} ({}): {message}", setting.origin))),
            other => other.map(Some),
        }
    }
}

fn parse_threads(text: &str) -> Result<usize> {
    // More threads than this is a typing error on any machine there is.
    const MOST: usize = 4096;
    let wrong = || Error::Usage(format!("{text:?} is not a number of threads; 1 to {MOST} are"));
    text.parse().ok().filter(|threads| (1..=MOST).contains(threads)).ok_or_else(wrong)
}

fn parse_sync(text: &str) -> Result<Sync> {
    match text {
        "each" => Ok(Sync::Each),
        "batch" => Ok(Sync::Batch),
        _ => Err(Error::Usage(format!("{text:?} is not a way to sync; each and batch are"))),
    }
}

fn default_vault(variables: Variables<'_>) -> Option<PathBuf> {
    base_directory(variables, "XDG_DATA_HOME", ".local/share").map(|base| base.join("turnpack"))
}

fn user_file(variables: Variables<'_>) -> Option<PathBuf> {
    base_directory(variables, "XDG_CONFIG_HOME", ".config").map(|base| base.join("turnpack/config.toml"))
}

/// The XDG rules: a relative path in the variable is to be ignored.
fn base_directory(variables: Variables<'_>, name: &str, below_home: &str) -> Option<PathBuf> {
    let named = variables(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| variables("HOME").map(|home| Path::new(&home).join(below_home)))
}

/// The values of a file as text; an absent file has none.
fn read_file(path: &Path) -> Result<BTreeMap<String, String>> {
    use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    let text = match std::fs::read_to_string(path) {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | IsADirectory) => return Ok(BTreeMap::new()),
        read => read.on("reading", path)?,
    };
    let table: toml::Table = text.parse().map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
    let as_text = |(name, value): (String, toml::Value)| match value {
        toml::Value::String(text) => Ok((name, text)),
        toml::Value::Integer(number) => Ok((name, number.to_string())),
        _ => Err(Error::Usage(format!("{}: {name} must be a text or a whole number", path.display()))),
    };
    table.into_iter().map(as_text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        dir: tempfile::TempDir,
        variables: BTreeMap<&'static str, OsString>,
    }

    impl Home {
        fn new() -> Home {
            let dir = tempfile::tempdir().unwrap();
            let variables = BTreeMap::from([("HOME", dir.path().as_os_str().to_owned())]);
            Home { dir, variables }
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn load(&self, global: &GlobalArgs) -> Result<Settings> {
            Settings::layered(global, &|name| self.variables.get(name).cloned())
        }

        fn threads(&self, global: &GlobalArgs) -> Option<usize> {
            self.load(global).unwrap().open_options().unwrap().threads
        }
    }

    #[test]
    fn each_layer_beats_the_ones_below_it() {
        let mut home = Home::new();
        let mut global = GlobalArgs::default();
        assert_eq!(home.threads(&global), None);
        home.write(".config/turnpack/config.toml", "threads = 2");
        assert_eq!(home.threads(&global), Some(2));
        home.write(".local/share/turnpack/config.toml", "threads = \"3\"");
        assert_eq!(home.threads(&global), Some(3));
        home.variables.insert("TURNPACK_THREADS", "4".into());
        assert_eq!(home.threads(&global), Some(4));
        global.threads = Some("5".into());
        assert_eq!(home.threads(&global), Some(5));
    }

    #[test]
    fn the_vault_is_found_by_flag_variable_user_file_and_xdg_in_this_order() {
        let mut home = Home::new();
        let mut global = GlobalArgs::default();
        let vault = |home: &Home, global: &GlobalArgs| home.load(global).unwrap().vault().unwrap().to_path_buf();
        assert_eq!(vault(&home, &global), home.dir.path().join(".local/share/turnpack"));
        home.variables.insert("XDG_DATA_HOME", "relative/is/ignored".into());
        assert_eq!(vault(&home, &global), home.dir.path().join(".local/share/turnpack"));
        home.variables.insert("XDG_DATA_HOME", "/data".into());
        assert_eq!(vault(&home, &global), Path::new("/data/turnpack"));
        home.write(".config/turnpack/config.toml", "vault = \"/user\"");
        assert_eq!(vault(&home, &global), Path::new("/user"));
        home.variables.insert("TURNPACK_VAULT", "/environment".into());
        assert_eq!(vault(&home, &global), Path::new("/environment"));
        global.vault = Some("/flag".into());
        assert_eq!(vault(&home, &global), Path::new("/flag"));
    }

    #[test]
    fn a_bad_value_is_refused_with_its_origin_and_an_unknown_name_is_told() {
        let home = Home::new();
        home.write(".config/turnpack/config.toml", "threads = \"many\"\nthread = 1");
        let settings = home.load(&GlobalArgs::default()).unwrap();
        assert!(settings.warnings()[0].ends_with("config.toml: no setting is called \"thread\""));
        let message = settings.open_options().unwrap_err().to_string();
        assert!(message.starts_with("threads (") && message.contains("config.toml): \"many\" is not"), "{message}");
    }

    #[test]
    fn colours_follow_flag_then_no_color_then_force_then_dumb_then_file() {
        let mut home = Home::new();
        let mut global = GlobalArgs::default();
        let color = |home: &Home, global: &GlobalArgs| home.load(global).unwrap().color().unwrap();
        assert_eq!(color(&home, &global), Color::Auto);
        home.write(".config/turnpack/config.toml", "color = \"always\"");
        assert_eq!(color(&home, &global), Color::Always);
        home.variables.insert("TERM", "dumb".into());
        assert_eq!(color(&home, &global), Color::Never);
        home.variables.insert("CLICOLOR_FORCE", "1".into());
        assert_eq!(color(&home, &global), Color::Always);
        home.variables.insert("NO_COLOR", "1".into());
        assert_eq!(color(&home, &global), Color::Never);
        global.color = Some("always".into());
        assert_eq!(color(&home, &global), Color::Always);
    }
}
