//! Values as text in JSON: settings that are one word on the command line, and numbers that must come back
//! bit for bit.

/// Makes serde write a type with its `Display` and read it with its `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

/// For `#[serde(with)]`: a number as the shortest text that identifies it. JSON numbers sometimes come back
/// from serde_json rounded to a neighbour.
pub(crate) mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }

    /// The same for a loss with its epoch.
    pub(crate) mod best {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        #[derive(Serialize, Deserialize)]
        struct Best(#[serde(with = "super")] f64, usize);

        pub(crate) fn serialize<S: Serializer>(
            best: &Option<(f64, usize)>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            best.map(|(loss, epoch)| Best(loss, epoch))
                .serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<(f64, usize)>, D::Error> {
            let best = Option::<Best>::deserialize(deserializer)?;
            Ok(best.map(|Best(loss, epoch)| (loss, epoch)))
        }
    }
}
