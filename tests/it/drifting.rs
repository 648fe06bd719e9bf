//! A gateway's log with planted changes of its prompt, made from a seed: for tests of what `dedup-report` says about drift.
//!
//! Every record has a name of any length, the date and an id in its prompt. The plan says where the prompt or a tool is edited and
//! where an edit is taken back. Nothing here is random but by the seed.

use serde_json::{Value, json};

/// A planted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// Line of the first record that has it.
    pub line: usize,
    /// `edit` or `rollback`.
    pub kind: &'static str,
    /// In the tool and not in the prompt.
    pub tool: bool,
    /// Texts of the prompt without their variables, before and after.
    pub from: usize,
    pub to: usize,
}

/// Numbers from a seed (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % below
    }

    fn pick<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.roll(list.len() as u64) as usize]
    }
}

const FIRST: [&str; 10] =
    ["Ann", "Bo", "Maximiliane", "Zoë", "Jean-Luc", "Wolfgang Amadeus", "Li", "Oyelaran", "María José", "Ed"];
const LAST: [&str; 8] = ["Smith", "van der Berg", "O'Neil", "Ng", "Featherstonehaugh", "Okafor", "de la Cruz", "Ito"];

/// The prompt in its states: one after each edit, each made from the state that was in use.
fn edited(mut state: Vec<String>, edit: usize) -> Vec<String> {
    match edit {
        0 => state.iter_mut().for_each(|line| *line = line.replace("3 sentences", "5 sentences")),
        1 => state.push("Always name the article of the help centre that you rely on.".into()),
        2 => state.retain(|line| !line.contains("legal")),
        _ => state.iter_mut().for_each(|line| {
            *line = line.replace("apologise once and offer a callback", "hand the conversation to a person at once")
        }),
    }
    state
}

/// The log and what was planted in it: four edits of the prompt, one in a tool, two roll-backs.
pub fn log(seed: u64, records: usize) -> (String, Vec<Planted>) {
    let mut dice = Dice(seed);
    let plan = plan(&mut dice, records);
    let base = [
        "You are the support assistant of Northwind.",
        "You are speaking with {name}, who has been a customer for some years.",
        "Today is {date}.",
        "The session {id} is kept.",
        "Answer in at most 3 sentences.",
        "When the customer is upset, apologise once and offer a callback.",
        "Look facts up before you answer.",
        "Do not give legal or tax advice.",
    ];
    let mut states = vec![base.map(String::from).to_vec()];
    let (mut now, mut before, mut edits, mut new_tool) = (0, 0, 0, false);
    let mut planted = Vec::new();
    let mut out = String::new();
    let mut time = 1_790_000_000i64;
    for record in 0..records {
        time += 1 + dice.roll(2 * 2_592_000 / records as u64) as i64;
        if let Some((_, kind)) = plan.iter().find(|(at, _)| *at == record) {
            let line = record + 1;
            match kind {
                Kind::Edit => {
                    states.push(edited(states[now].clone(), edits));
                    edits += 1;
                    before = std::mem::replace(&mut now, states.len() - 1);
                    planted.push(Planted { line, kind: "edit", tool: false, from: before, to: now });
                }
                Kind::Back => {
                    std::mem::swap(&mut now, &mut before);
                    planted.push(Planted { line, kind: "rollback", tool: false, from: before, to: now });
                }
                Kind::Tool => {
                    new_tool = true;
                    planted.push(Planted { line, kind: "edit", tool: true, from: 0, to: 1 });
                }
            }
        }
        out.push_str(&request(&mut dice, record, time, &states[now], new_tool).to_string());
        out.push('\n');
    }
    (out, planted)
}

fn request(dice: &mut Dice, record: usize, time: i64, state: &[String], new_tool: bool) -> Value {
    let name = format!("{} {}", dice.pick(&FIRST), dice.pick(&LAST));
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        dice.roll(1 << 32),
        dice.roll(1 << 16),
        dice.roll(1 << 12),
        dice.roll(1 << 12),
        dice.roll(1 << 48)
    );
    let moment = jiff::Timestamp::from_second(time).unwrap();
    let date = moment.strftime("%Y-%m-%d").to_string();
    let prompt = state.join(" ").replace("{name}", &name).replace("{date}", &date).replace("{id}", &id);
    let query = if new_tool {
        "What to look for; translate it into English first."
    } else {
        "What to look for, in the words of the customer."
    };
    let model = dice.pick(&["gpt-5.2", "gpt-5.2-mini"]);
    json!({
        "timestamp": moment.to_string(),
        "request_id": format!("r{record:06}"),
        "app": "support",
        "latency_ms": 700 + dice.roll(400) + if state.len() > 8 { 500 } else { 0 },
        "status": 200,
        "request": {
            "model": model,
            "messages": [{"role": "system", "content": prompt}, {"role": "user", "content": format!("Where is my card? ({record})")}],
            "tools": [
                {"type": "function", "function": {"name": "look_up", "description": "Searches the help centre and returns the best articles.",
                    "parameters": {"type": "object", "properties": {"query": {"type": "string", "description": query}}}}},
                {"type": "function", "function": {"name": "call_back", "description": "Arranges that somebody calls the customer back today.",
                    "parameters": {"type": "object", "properties": {"phone": {"type": "string", "description": "The number with its country code."}}}}}
            ]
        },
        "response": {"id": format!("chatcmpl-{record}"), "object": "chat.completion", "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is on its way."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 250, "completion_tokens": 6, "total_tokens": 256}}
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Edit,
    Tool,
    Back,
}

/// Seven places, not too near to each other, in an order in which a roll-back always has an edit to take back.
fn plan(dice: &mut Dice, records: usize) -> Vec<(usize, Kind)> {
    let mut kinds = [Kind::Edit, Kind::Edit, Kind::Edit, Kind::Edit, Kind::Tool, Kind::Back, Kind::Back];
    loop {
        for at in (1..kinds.len()).rev() {
            kinds.swap(at, dice.roll(at as u64 + 1) as usize);
        }
        let prompt: Vec<Kind> = kinds.into_iter().filter(|kind| *kind != Kind::Tool).collect();
        if prompt[0] == Kind::Edit && prompt.windows(2).all(|pair| pair != [Kind::Back, Kind::Back]) {
            break;
        }
    }
    let room = records / 8;
    kinds.iter().enumerate().map(|(at, kind)| (room * (at + 1) - dice.roll(room as u64 * 3 / 4) as usize, *kind)).collect()
}
