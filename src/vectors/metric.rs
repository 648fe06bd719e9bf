//! What makes two vectors alike, and what a model's vectors have in common.

/// How vectors are compared. Likenesses are greater for what is nearer, whichever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// By their angle; lengths say nothing.
    #[default]
    Cosine,
    /// By their inner product: longer ones are more alike to everything.
    Dot,
    /// By their distance.
    L2,
}

impl Metric {
    /// All, each at its number in a part.
    pub const ALL: [Metric; 3] = [Metric::Cosine, Metric::Dot, Metric::L2];

    /// What users call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Metric::Cosine => "cosine",
            Metric::Dot => "dot",
            Metric::L2 => "l2",
        }
    }

    /// A likeness as it is shown: cosine, inner product, or of a distance *d* 1/(1+*d*²), which is 1 for equal vectors.
    #[must_use]
    pub fn shown(self, likeness: f32) -> f64 {
        match self {
            Metric::Cosine | Metric::Dot => f64::from(likeness),
            Metric::L2 => 1.0 / (1.0 + f64::from(-likeness).max(0.0)),
        }
    }
}

/// What all vectors of a model in one vault have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Values of a vector; 0 while no vector is there to say.
    pub dimension: usize,
    /// How they are compared.
    pub metric: Metric,
    /// Beside their rows of int8 the vectors are kept as they were given, for a last comparison that rounds nothing.
    pub keeps_originals: bool,
}

impl Form {
    /// Of vectors that are kept as int8 and compared by their angle.
    #[must_use]
    pub fn usual(dimension: usize) -> Form {
        Form { dimension, ..Form::default() }
    }

    /// How precisely vectors are kept, as users call it.
    #[must_use]
    pub fn quantized(self) -> &'static str {
        if self.keeps_originals { "none" } else { "int8" }
    }
}

/// As it stands in the header of a part: the metric's number, and 256 where originals are kept.
pub(super) fn to_bits(form: Form) -> u32 {
    let number = Metric::ALL.iter().position(|metric| *metric == form.metric).unwrap_or(0);
    number as u32 | u32::from(form.keeps_originals) << 8
}

/// The other way; `None` for what no version of this program wrote.
pub(super) fn from_bits(bits: u32, dimension: usize) -> Option<Form> {
    let metric = *Metric::ALL.get(bits as usize & 0xff)?;
    (bits >> 8 <= 1).then_some(Form { dimension, metric, keeps_originals: bits >> 8 == 1 })
}
