//! scratch
use kernels::{Engine, Input, Shape, Wanted, lstm::{Backward, Lstm}, Isa};
use std::time::Instant;
fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9E3779B97F4A7C15) | 1;
    (0..n).map(|_| { s ^= s << 13; s ^= s >> 7; s ^= s << 17; ((s >> 40) as f32 / 16777216.0 - 0.5) * 0.17 }).collect()
}
fn median(mut v: Vec<f64>) -> f64 { v.sort_by(f64::total_cmp); v[v.len() / 2] }
fn main() {
    let threads: usize = std::env::args().nth(1).map_or(2, |a| a.parse().unwrap());
    let isa = match std::env::args().nth(2).as_deref() { Some("avx2") => Isa::Avx2, Some("portable") => Isa::Portable, _ => Isa::available()[0] };
    let engine = Engine::new().with_threads(threads).with_isa(isa);
    for [b, t, d, h] in [[32, 50, 65, 128], [50, 50, 128, 128], [64, 50, 128, 512]] {
        let x = noise(b * t * d, 1);
        let (wx, wh, bias) = (noise(d * 4 * h, 2), noise(h * 4 * h, 3), noise(4 * h, 4));
        let h0 = noise(b * h, 5);
        let shape = Shape { batch: b, time: t };
        let dy = noise(b * t * h, 6);
        let dc = vec![0.0; b * h];
        let reps = if h == 512 { 15 } else { 60 };
        let (mut f, mut fb) = (vec![], vec![]);
        for _ in 0..reps {
            let start = Instant::now();
            let lstm = Lstm::new(&engine, h, &wx, &wh, &bias);
            let mut c = h0.clone();
            let mut y = vec![0.0; b * t * h];
            lstm.infer(shape, Input::Vectors(&x), &h0, &mut c, &mut y);
            f.push(start.elapsed().as_secs_f64() * 1e3);
            std::hint::black_box(&y);
            drop(y);
            let start = Instant::now();
            let lstm = Lstm::new(&engine, h, &wx, &wh, &bias);
            let (y, saved) = lstm.forward(shape, Input::Vectors(&x), &h0, &h0);
            let mid = start.elapsed().as_secs_f64() * 1e3;
            let g = Backward { shape, wx: &wx, wh: &wh, input: Input::Vectors(&x), h0: &h0, output: &y, d_output: &dy, d_cell: &dc }
                .run(&engine, Wanted { input: true, weights: true }, saved);
            fb.push(start.elapsed().as_secs_f64() * 1e3);
            std::hint::black_box((&g, mid));
        }
        let flops = 2.0 * (b * t * 4 * h * (d + h)) as f64;
        let (f, fb) = (median(f), median(fb));
        println!("{b},{t},{d},{h}: forward {f:.2} ms ({:.0} GF/s)  f+b {fb:.2} ms ({:.0} GF/s)", flops / f / 1e6, 3.0 * flops / fb / 1e6);
    }
}
