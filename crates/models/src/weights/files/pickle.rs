//! Python's pickles, as far as files of tensors need them. A pickle is a program for a small stack machine;
//! here it builds plain values and calls nothing.
//!
//! Other readers of such pickles copy a value each time it is used again, so that a kilobyte becomes gigabytes,
//! or ignore the strides of a tensor, so that a transposed one is read wrongly. Here values are numbered, and
//! used by their numbers.

use std::{collections::HashMap, ops::Range};

/// The number of a value.
pub(super) type Id = u32;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(i64),
    /// `None`, a truth value, a float, a string of bytes, a set: nothing that a tensor needs.
    Opaque,
    Str(Range<usize>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or a function, by module and name.
    Global(Range<usize>, Range<usize>),
    /// What the file keeps elsewhere: a tensor's storage.
    Persistent(Id),
    /// What a function would return for its arguments.
    Call(Id, Id),
    /// An instance of a class, with its attributes.
    Object(Option<Id>),
}

/// Far more than a model has: a tensor takes about 12 values and 60 steps.
const MOST_VALUES: usize = 1 << 19;
const MOST_STEPS: usize = 1 << 22;

/// What a pickle built.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    bytes: &'a [u8],
    values: Vec<Value>,
    pub root: Id,
    /// Bytes that the pickle takes; others may follow.
    pub length: usize,
}

const OPAQUE: Id = 0;
const EMPTY_TUPLE: Id = 1;

impl<'a> Pickle<'a> {
    /// Runs a pickle.
    pub fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let mut machine = Machine {
            pickle: Pickle {
                bytes,
                values: vec![Value::Opaque, Value::Tuple(Vec::new())],
                root: OPAQUE,
                length: 0,
            },
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            copied: 0,
        };
        for _ in 0..MOST_STEPS {
            let at = machine.at;
            let is_over = machine
                .step()
                .map_err(|problem| format!("its pickle is damaged at byte {at}: {problem}"))?;
            if is_over {
                machine.pickle.length = machine.at;
                return Ok(machine.pickle);
            }
        }
        Err(format!("its pickle takes more than {MOST_STEPS} steps"))
    }

    /// Returns a value.
    pub fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// Returns a string.
    pub fn str(&self, id: Id) -> Option<&'a str> {
        match self.value(id) {
            Value::Str(range) => std::str::from_utf8(&self.bytes[range.clone()]).ok(),
            _ => None,
        }
    }

    /// Returns an integer.
    pub fn int(&self, id: Id) -> Option<i64> {
        match *self.value(id) {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// Returns a size: an integer that is not negative.
    pub fn size(&self, id: Id) -> Option<usize> {
        self.int(id)?.try_into().ok()
    }

    /// Returns a tuple or a list.
    pub fn items(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the module and the name of a class or function.
    pub fn global(&self, id: Id) -> Option<(&'a str, &'a str)> {
        let text = |range: &Range<usize>| std::str::from_utf8(&self.bytes[range.clone()]).ok();
        match self.value(id) {
            Value::Global(module, name) => Some((text(module)?, text(name)?)),
            _ => None,
        }
    }
}

struct Machine<'a> {
    pickle: Pickle<'a>,
    at: usize,
    stack: Vec<Id>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Entries of dictionaries that were made of lists.
    copied: usize,
}

const CUT_OFF: &str = "it is cut off";
const EMPTY: &str = "nothing on the stack";

impl Machine<'_> {
    fn take(&mut self, n: usize) -> Result<Range<usize>, String> {
        let end = self.at.checked_add(n).ok_or(CUT_OFF)?;
        if end > self.pickle.bytes.len() {
            return Err(CUT_OFF.into());
        }
        let range = self.at..end;
        self.at = end;
        Ok(range)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let range = self.take(N)?;
        Ok(*self.pickle.bytes[range].first_chunk().expect("as long"))
    }

    /// Reads a length of `N` bytes, and as many bytes.
    fn counted<const N: usize>(&mut self) -> Result<Range<usize>, String> {
        let mut length = [0; 8];
        length[..N].copy_from_slice(&self.number::<N>()?);
        let length = u64::from_le_bytes(length);
        self.take(usize::try_from(length).map_err(|_| CUT_OFF)?)
    }

    /// Reads up to the end of the line.
    fn line(&mut self) -> Result<Range<usize>, String> {
        let rest = &self.pickle.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or(CUT_OFF)?;
        let range = self.take(length)?;
        self.at += 1;
        Ok(range)
    }

    fn push(&mut self, value: Value) -> Result<(), String> {
        if self.pickle.values.len() == MOST_VALUES {
            return Err(format!("more than {MOST_VALUES} values"));
        }
        self.stack.push(self.pickle.values.len() as Id);
        self.pickle.values.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, String> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > bottom {
            true => Ok(self.stack.pop().expect("not empty")),
            false => Err(EMPTY.into()),
        }
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| EMPTY.into())
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, n: usize) -> Result<(), String> {
        let mut items: Vec<Id> = (0..n).map(|_| self.pop()).collect::<Result<_, _>>()?;
        items.reverse();
        self.push(Value::Tuple(items))
    }

    fn remember(&mut self, key: u32) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), String> {
        let id = self
            .memo
            .get(&key)
            .ok_or("a value that was not remembered")?;
        self.stack.push(*id);
        Ok(())
    }

    fn decimal<N: std::str::FromStr>(&mut self) -> Result<N, String> {
        let line = self.line()?;
        let text = std::str::from_utf8(&self.pickle.bytes[line]).map_err(|e| e.to_string())?;
        let digits = text.trim_end_matches('L').parse();
        digits.map_err(|_| format!("{text:?} is no number"))
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), String> {
        let to = self.top()?;
        match &mut self.pickle.values[to as usize] {
            Value::List(list) => list.extend(items),
            Value::Opaque | Value::Call(..) => {}
            // A list of a class of its own.
            object @ Value::Object(None) => *object = Value::List(items),
            _ => return Err("no list to append to".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<Id>) -> Result<(), String> {
        if !items.len().is_multiple_of(2) {
            return Err("a key without a value".into());
        }
        let to = self.top()?;
        // Entries of an OrderedDict, which a call makes, follow it.
        let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        match &mut self.pickle.values[to as usize] {
            Value::Dict(dict) => dict.extend(pairs),
            Value::Opaque | Value::Call(..) => {}
            // A dictionary of a class of its own.
            object @ Value::Object(None) => *object = Value::Dict(pairs.collect()),
            _ => return Err("no dictionary to set an entry of".into()),
        }
        Ok(())
    }

    /// Notes what a call would make. Those of `OrderedDict` and `defaultdict` make dictionaries.
    fn call(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let name = self.pickle.global(function);
        let pairs = self.pickle.items(arguments).and_then(|items| items.first());
        let is_dict = [
            ("collections", "OrderedDict"),
            ("collections", "defaultdict"),
        ];
        if name.is_some_and(|name| is_dict.contains(&name)) {
            let pairs = pairs
                .and_then(|&pairs| self.pickle.items(pairs))
                .unwrap_or(&[]);
            self.copied += pairs.len();
            if self.copied > MOST_VALUES {
                return Err(format!("more than {MOST_VALUES} entries"));
            }
            let pair = |&pair: &Id| match self.pickle.items(pair) {
                Some(&[key, value]) => Some((key, value)),
                _ => None,
            };
            let dict = pairs.iter().filter_map(pair).collect();
            return self.push(Value::Dict(dict));
        }
        self.push(Value::Call(function, arguments))
    }

    /// Gives an object its attributes.
    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        let to = self.top()?;
        if let Value::Object(attributes) = &mut self.pickle.values[to as usize] {
            *attributes = Some(state);
        }
        Ok(())
    }

    /// Runs one step, and returns whether it was the last.
    fn step(&mut self) -> Result<bool, String> {
        let [code] = self.number()?;
        match code {
            b'.' => {
                self.pickle.root = self.pop()?;
                return Ok(true);
            }
            // Protocol, frame.
            0x80 | 0x95 => {
                self.take(if code == 0x80 { 1 } else { 8 })?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            b'2' => self.stack.push(self.top()?),

            b'N' | 0x88 | 0x89 => self.stack.push(OPAQUE),
            b'K' => {
                let [value] = self.number()?;
                self.push(Value::Int(value.into()))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.number()?);
                self.push(Value::Int(value.into()))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.number()?);
                self.push(Value::Int(value.into()))?;
            }
            0x8a => {
                let range = self.counted::<1>()?;
                let value = little_endian(&self.pickle.bytes[range]);
                self.push(value.map_or(Value::Opaque, Value::Int))?;
            }
            b'I' | b'L' => {
                let value = self.decimal()?;
                self.push(Value::Int(value))?;
            }
            b'F' => {
                self.decimal::<f64>()?;
                self.stack.push(OPAQUE);
            }
            b'G' => {
                self.take(8)?;
                self.stack.push(OPAQUE);
            }

            b'X' | b'T' => {
                let range = self.counted::<4>()?;
                self.push(Value::Str(range))?;
            }
            0x8c | b'U' => {
                let range = self.counted::<1>()?;
                self.push(Value::Str(range))?;
            }
            0x8d => {
                let range = self.counted::<8>()?;
                self.push(Value::Str(range))?;
            }
            b'V' => {
                let range = self.line()?;
                self.push(Value::Str(range))?;
            }
            b'S' => {
                let range = self.line()?;
                let quoted = range.len() >= 2;
                let inside = range.start + 1..range.end.saturating_sub(1);
                self.push(if quoted {
                    Value::Str(inside)
                } else {
                    Value::Opaque
                })?;
            }
            b'B' => {
                self.counted::<4>()?;
                self.stack.push(OPAQUE);
            }
            b'C' => {
                self.counted::<1>()?;
                self.stack.push(OPAQUE);
            }
            0x8e | 0x96 => {
                self.counted::<8>()?;
                self.stack.push(OPAQUE);
            }
            0x8b => {
                self.counted::<4>()?;
                self.stack.push(OPAQUE);
            }

            b')' => self.stack.push(EMPTY_TUPLE),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items))?;
            }
            b']' => self.push(Value::List(Vec::new()))?,
            b'l' => {
                let items = self.since_mark()?;
                self.push(Value::List(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b'd' => {
                let items = self.since_mark()?;
                self.push(Value::Dict(Vec::new()))?;
                self.set(items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(items)?;
            }
            0x8f => self.stack.push(OPAQUE), // a set
            0x90 => drop(self.since_mark()?),
            0x91 => {
                self.since_mark()?;
                self.stack.push(OPAQUE);
            }

            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push(Value::Global(module, name))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Str(module), Value::Str(name)) = (
                    self.pickle.value(module).clone(),
                    self.pickle.value(name).clone(),
                ) else {
                    return Err("a class without a name".into());
                };
                self.push(Value::Global(module, name))?;
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Persistent(id))?;
            }
            b'R' => self.call()?,
            0x81 => {
                self.pop()?;
                self.pop()?;
                self.push(Value::Object(None))?;
            }
            0x92 => {
                self.pop()?;
                self.pop()?;
                self.pop()?;
                self.push(Value::Object(None))?;
            }
            b'b' => self.build()?,

            b'q' => {
                let [key] = self.number()?;
                self.remember(key.into())?;
            }
            b'r' => {
                let key = u32::from_le_bytes(self.number()?);
                self.remember(key)?;
            }
            b'p' => {
                let key = self.decimal()?;
                self.remember(key)?;
            }
            0x94 => {
                let key = self.memo.len() as u32;
                self.remember(key)?;
            }
            b'h' => {
                let [key] = self.number()?;
                self.recall(key.into())?;
            }
            b'j' => {
                let key = u32::from_le_bytes(self.number()?);
                self.recall(key)?;
            }
            b'g' => {
                let key = self.decimal()?;
                self.recall(key)?;
            }
            _ => return Err(format!("no step {code:#04x}")),
        }
        Ok(false)
    }
}

/// Returns a number of up to eight bytes in two's complement.
fn little_endian(bytes: &[u8]) -> Option<i64> {
    let sign = match bytes.last() {
        Some(&last) if last >= 0x80 => 0xff,
        _ => 0,
    };
    let mut all = [sign; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(all))
}
