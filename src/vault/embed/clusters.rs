//! Conversations by what they are about: heaps, and those that are like no other.
//!
//! A conversation's vector is the sum of those of its texts, each weighted by how few conversations hold it (a system prompt that all share
//! says nothing about any), unless `embed --summary` made one for each. A record without conversation is one by itself.

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::vault::Vault;
use crate::vault::api::{Cluster, ClusterOptions, ClusterReport, ClusterRow};
use crate::vault::embed::conversations::is_conversations;
use crate::vault::embed::keep::Shelf;
use crate::vault::filter::{Sieve, Verdict, newest_generations, select};
use crate::vault::get::shown_name;
use crate::vault::ls::hide_in_title;
use crate::vault::meaning::Scan;
use crate::vectors::builtin;
use crate::vectors::cluster::cluster;
use crate::vectors::quantize::norm;

/// Conversations shown for a heap: those nearest to its middle.
const TYPICAL: usize = 3;

/// A conversation on its way to a vector.
struct Conversation {
    name: String,
    title: Option<String>,
    first: String,
    records: u64,
    vector: Vec<f32>,
}

impl Vault {
    /// Heaps and outliers of conversations.
    ///
    /// # Errors
    /// [`Error::Usage`] without vectors, and damage.
    pub fn clusters(&self, options: &ClusterOptions) -> Result<ClusterReport> {
        let snapshot = self.snapshot()?;
        let state = snapshot.state()?;
        let shelf = Shelf::open(&snapshot)?;
        let asked = options.model.clone().unwrap_or_else(|| builtin::NAME.to_string());
        // Where conversations have vectors of their own, those say best what they are about.
        let whole = shelf.rows().into_iter().find(|row| is_conversations(&row.model, Some(&asked)) && row.vectors > 0);
        let model = whole.map_or(asked, |row| row.model);
        let parts = shelf.parts(Some(&model));
        let dimension = parts.first().map_or(0, |part| part.form.dimension);
        if dimension == 0 {
            return Err(Error::Usage(format!("this vault has no vectors of {model} yet; `turnpack embed` makes them")));
        }
        let sieve = Sieve::new(&options.filter)?;
        let newest = newest_generations(state);
        let (mut conversations, mut names, mut of_record) = (Vec::new(), FxHashMap::default(), FxHashMap::default());
        Scan::for_filter(&snapshot, self.threads(), false, &sieve)?.lines(&select(state, &options.filter, true)?, |line| {
            if sieve.judge(line.meaning) != Verdict::In {
                return Ok(());
            }
            let place = || format!("{}:{}", shown_name(line.source, &newest), line.line);
            let name = line.meaning.conversation.as_deref().map_or_else(place, str::to_string);
            let at = *names.entry(name.clone()).or_insert_with(|| {
                let (first, vector) = (place(), vec![0.0; dimension]);
                conversations.push(Conversation { name, title: None, first, records: 0, vector });
                conversations.len() - 1
            });
            if let Some(conversation) = conversations.get_mut(at) {
                conversation.records += 1;
                if conversation.title.is_none() {
                    conversation.title = line.meaning.title.as_deref().map(str::to_string);
                }
            }
            of_record.entry(line.number).or_insert(at as u32);
            Ok(())
        })?;
        let all = conversations.len() as f64;
        for part in &parts {
            for text in 0..part.texts() {
                let mut holders: Vec<u32> = part.holders(text).filter_map(|number| of_record.get(&number).copied()).collect();
                holders.sort_unstable();
                holders.dedup();
                let weight = (1.0 + all / holders.len().max(1) as f64).ln() as f32;
                let rows = part.rows_of(text);
                let share = weight / rows.len().max(1) as f32;
                for row in rows {
                    let row = part.rows().row(row);
                    // However vectors are compared, here they count by their direction.
                    let factor = share / norm(row, 1.0).max(1.0).sqrt();
                    for at in &holders {
                        if let Some(conversation) = conversations.get_mut(*at as usize) {
                            let values = conversation.vector.iter_mut().zip(row);
                            values.for_each(|(sum, value)| *sum += f32::from(*value) * factor);
                        }
                    }
                }
            }
        }
        if self.options.redact {
            conversations.iter_mut().try_for_each(|conversation| hide_in_title(&mut conversation.title))?;
        }
        let before = conversations.len();
        conversations.retain_mut(|conversation| unit(&mut conversation.vector));
        let vectors: Vec<Vec<f32>> =
            conversations.iter_mut().map(|conversation| std::mem::take(&mut conversation.vector)).collect();
        let found = self.pool()?.install(|| cluster(&vectors, options.clusters.max(1), options.seed));
        let row = |at: usize| {
            let conversation = conversations.get(at)?;
            Some(ClusterRow {
                conversation: conversation.name.clone(),
                title: conversation.title.clone(),
                first: conversation.first.clone(),
                records: conversation.records,
                similarity: f64::from(*found.likeness.get(at)?),
            })
        };
        let heap = |number: u32| {
            let members: Vec<f64> = found
                .heap
                .iter()
                .zip(&found.likeness)
                .filter(|(heap, _)| **heap == number)
                .map(|(_, like)| f64::from(*like))
                .collect();
            Cluster {
                conversations: members.len() as u64,
                similarity: members.iter().sum::<f64>() / members.len().max(1) as f64,
                typical: found.typical(number, TYPICAL).into_iter().filter_map(row).collect(),
            }
        };
        let mut clusters: Vec<Cluster> = (0..found.centres.len() as u32).map(heap).collect();
        clusters.retain(|cluster| cluster.conversations > 0);
        clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.conversations));
        let without_vectors = (before - conversations.len()) as u64;
        let outliers = found.outliers(options.outliers).into_iter().filter_map(row).collect();
        Ok(ClusterReport { model, conversations: conversations.len() as u64, without_vectors, clusters, outliers })
    }
}

/// Brings a vector to length 1; false when it has none.
fn unit(vector: &mut [f32]) -> bool {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
    length > 0.0
}
