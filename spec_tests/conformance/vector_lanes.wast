;; Chapter 4.3.6, lanes: making vectors, taking them apart, moving lanes about; and the vector as 128 bits.

(module
  (func (export "v128.const") (result v128) (v128.const i16x8 1 -2 3 -4 0x7fff 0x8000 0 9))
  (func (export "i8x16.splat") (param i32) (result v128) (i8x16.splat (local.get 0)))
  (func (export "i8x16.extract_lane_s 0") (param v128) (result i32) (i8x16.extract_lane_s 0 (local.get 0)))
  (func (export "i8x16.extract_lane_u 0") (param v128) (result i32) (i8x16.extract_lane_u 0 (local.get 0)))
  (func (export "i8x16.replace_lane 0") (param v128 i32) (result v128) (i8x16.replace_lane 0 (local.get 0) (local.get 1)))
  (func (export "i8x16.extract_lane_s 15") (param v128) (result i32) (i8x16.extract_lane_s 15 (local.get 0)))
  (func (export "i8x16.extract_lane_u 15") (param v128) (result i32) (i8x16.extract_lane_u 15 (local.get 0)))
  (func (export "i8x16.replace_lane 15") (param v128 i32) (result v128) (i8x16.replace_lane 15 (local.get 0) (local.get 1)))
  (func (export "i16x8.splat") (param i32) (result v128) (i16x8.splat (local.get 0)))
  (func (export "i16x8.extract_lane_s 0") (param v128) (result i32) (i16x8.extract_lane_s 0 (local.get 0)))
  (func (export "i16x8.extract_lane_u 0") (param v128) (result i32) (i16x8.extract_lane_u 0 (local.get 0)))
  (func (export "i16x8.replace_lane 0") (param v128 i32) (result v128) (i16x8.replace_lane 0 (local.get 0) (local.get 1)))
  (func (export "i16x8.extract_lane_s 7") (param v128) (result i32) (i16x8.extract_lane_s 7 (local.get 0)))
  (func (export "i16x8.extract_lane_u 7") (param v128) (result i32) (i16x8.extract_lane_u 7 (local.get 0)))
  (func (export "i16x8.replace_lane 7") (param v128 i32) (result v128) (i16x8.replace_lane 7 (local.get 0) (local.get 1)))
  (func (export "i32x4.splat") (param i32) (result v128) (i32x4.splat (local.get 0)))
  (func (export "i32x4.extract_lane 0") (param v128) (result i32) (i32x4.extract_lane 0 (local.get 0)))
  (func (export "i32x4.replace_lane 0") (param v128 i32) (result v128) (i32x4.replace_lane 0 (local.get 0) (local.get 1)))
  (func (export "i32x4.extract_lane 3") (param v128) (result i32) (i32x4.extract_lane 3 (local.get 0)))
  (func (export "i32x4.replace_lane 3") (param v128 i32) (result v128) (i32x4.replace_lane 3 (local.get 0) (local.get 1)))
  (func (export "i64x2.splat") (param i64) (result v128) (i64x2.splat (local.get 0)))
  (func (export "i64x2.extract_lane 0") (param v128) (result i64) (i64x2.extract_lane 0 (local.get 0)))
  (func (export "i64x2.replace_lane 0") (param v128 i64) (result v128) (i64x2.replace_lane 0 (local.get 0) (local.get 1)))
  (func (export "i64x2.extract_lane 1") (param v128) (result i64) (i64x2.extract_lane 1 (local.get 0)))
  (func (export "i64x2.replace_lane 1") (param v128 i64) (result v128) (i64x2.replace_lane 1 (local.get 0) (local.get 1)))
  (func (export "f32x4.splat") (param f32) (result v128) (f32x4.splat (local.get 0)))
  (func (export "f32x4.extract_lane 0") (param v128) (result f32) (f32x4.extract_lane 0 (local.get 0)))
  (func (export "f32x4.replace_lane 0") (param v128 f32) (result v128) (f32x4.replace_lane 0 (local.get 0) (local.get 1)))
  (func (export "f32x4.extract_lane 3") (param v128) (result f32) (f32x4.extract_lane 3 (local.get 0)))
  (func (export "f32x4.replace_lane 3") (param v128 f32) (result v128) (f32x4.replace_lane 3 (local.get 0) (local.get 1)))
  (func (export "f64x2.splat") (param f64) (result v128) (f64x2.splat (local.get 0)))
  (func (export "f64x2.extract_lane 0") (param v128) (result f64) (f64x2.extract_lane 0 (local.get 0)))
  (func (export "f64x2.replace_lane 0") (param v128 f64) (result v128) (f64x2.replace_lane 0 (local.get 0) (local.get 1)))
  (func (export "f64x2.extract_lane 1") (param v128) (result f64) (f64x2.extract_lane 1 (local.get 0)))
  (func (export "f64x2.replace_lane 1") (param v128 f64) (result v128) (f64x2.replace_lane 1 (local.get 0) (local.get 1)))
  (func (export "i8x16.shuffle 31 0 16 15 1 30 2 29 3 28 4 27 5 26 6 25") (param v128 v128) (result v128) (i8x16.shuffle 31 0 16 15 1 30 2 29 3 28 4 27 5 26 6 25 (local.get 0) (local.get 1)))
  (func (export "i8x16.shuffle 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7") (param v128 v128) (result v128) (i8x16.shuffle 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 (local.get 0) (local.get 1)))
  (func (export "i8x16.swizzle") (param v128 v128) (result v128) (i8x16.swizzle (local.get 0) (local.get 1)))
  (func (export "v128.and") (param v128 v128) (result v128) (v128.and (local.get 0) (local.get 1)))
  (func (export "v128.andnot") (param v128 v128) (result v128) (v128.andnot (local.get 0) (local.get 1)))
  (func (export "v128.or") (param v128 v128) (result v128) (v128.or (local.get 0) (local.get 1)))
  (func (export "v128.xor") (param v128 v128) (result v128) (v128.xor (local.get 0) (local.get 1)))
  (func (export "v128.not") (param v128) (result v128) (v128.not (local.get 0)))
  (func (export "v128.bitselect") (param v128 v128 v128) (result v128) (v128.bitselect (local.get 0) (local.get 1) (local.get 2)))
  (func (export "v128.any_true") (param v128) (result i32) (v128.any_true (local.get 0))))
(assert_return (invoke "v128.const" ) (v128.const i16x8 1 -2 3 -4 32767 -32768 0 9))

(assert_return
  (invoke "i8x16.splat"
    (i32.const -77))
  (v128.const i8x16 -77 -77 -77 -77 -77 -77 -77 -77 -77 -77 -77 -77 -77 -77 -77 -77))
(assert_return
  (invoke "i8x16.splat"
    (i32.const 0x89abcdef))
  (v128.const i8x16 -17 -17 -17 -17 -17 -17 -17 -17 -17 -17 -17 -17 -17 -17 -17 -17))

(assert_return
  (invoke "i8x16.extract_lane_s 0"
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (i32.const -90))
(assert_return
  (invoke "i8x16.extract_lane_s 0"
    (v128.const i8x16 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2))
  (i32.const -2))

(assert_return
  (invoke "i8x16.extract_lane_u 0"
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (i32.const 166))
(assert_return
  (invoke "i8x16.extract_lane_u 0"
    (v128.const i8x16 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2))
  (i32.const 254))

(assert_return
  (invoke "i8x16.replace_lane 0"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const -77))
  (v128.const i8x16 -77 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))

(assert_return
  (invoke "i8x16.extract_lane_s 15"
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (i32.const 0))
(assert_return
  (invoke "i8x16.extract_lane_s 15"
    (v128.const i8x16 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2))
  (i32.const -2))

(assert_return
  (invoke "i8x16.extract_lane_u 15"
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (i32.const 0))
(assert_return
  (invoke "i8x16.extract_lane_u 15"
    (v128.const i8x16 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2))
  (i32.const 254))

(assert_return
  (invoke "i8x16.replace_lane 15"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const -77))
  (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -77))

(assert_return
  (invoke "i16x8.splat"
    (i32.const -12345))
  (v128.const i16x8 -12345 -12345 -12345 -12345 -12345 -12345 -12345 -12345))
(assert_return
  (invoke "i16x8.splat"
    (i32.const 0x89abcdef))
  (v128.const i16x8 -12817 -12817 -12817 -12817 -12817 -12817 -12817 -12817))

(assert_return
  (invoke "i16x8.extract_lane_s 0"
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (i32.const -256))
(assert_return (invoke "i16x8.extract_lane_s 0" (v128.const i16x8 -2 -2 -2 -2 -2 -2 -2 -2)) (i32.const -2))

(assert_return
  (invoke "i16x8.extract_lane_u 0"
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (i32.const 65280))
(assert_return (invoke "i16x8.extract_lane_u 0" (v128.const i16x8 -2 -2 -2 -2 -2 -2 -2 -2)) (i32.const 65534))

(assert_return
  (invoke "i16x8.replace_lane 0"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const -12345))
  (v128.const i16x8 -12345 -1 32767 -32768 1234 -4321 255 -256))

(assert_return
  (invoke "i16x8.extract_lane_s 7"
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (i32.const 0))
(assert_return (invoke "i16x8.extract_lane_s 7" (v128.const i16x8 -2 -2 -2 -2 -2 -2 -2 -2)) (i32.const -2))

(assert_return
  (invoke "i16x8.extract_lane_u 7"
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (i32.const 0))
(assert_return (invoke "i16x8.extract_lane_u 7" (v128.const i16x8 -2 -2 -2 -2 -2 -2 -2 -2)) (i32.const 65534))

(assert_return
  (invoke "i16x8.replace_lane 7"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const -12345))
  (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -12345))

(assert_return
  (invoke "i32x4.splat"
    (i32.const -0x12d687))
  (v128.const i32x4 -0x12d687 -0x12d687 -0x12d687 -0x12d687))
(assert_return
  (invoke "i32x4.splat"
    (i32.const 0x89abcdef))
  (v128.const i32x4 -0x76543211 -0x76543211 -0x76543211 -0x76543211))

(assert_return
  (invoke "i32x4.extract_lane 0"
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (i32.const 0x12d687))
(assert_return (invoke "i32x4.extract_lane 0" (v128.const i32x4 -2 -2 -2 -2)) (i32.const -2))

(assert_return
  (invoke "i32x4.replace_lane 0"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const -0x12d687))
  (v128.const i32x4 -0x12d687 -0x80000000 -7 0x12d687))

(assert_return
  (invoke "i32x4.extract_lane 3"
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (i32.const 0x7fffffff))
(assert_return (invoke "i32x4.extract_lane 3" (v128.const i32x4 -2 -2 -2 -2)) (i32.const -2))

(assert_return
  (invoke "i32x4.replace_lane 3"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const -0x12d687))
  (v128.const i32x4 0x7fffffff -0x80000000 -7 -0x12d687))

(assert_return (invoke "i64x2.splat" (i64.const -0x1cbe991a14)) (v128.const i64x2 -0x1cbe991a14 -0x1cbe991a14))
(assert_return
  (invoke "i64x2.splat"
    (i64.const 0x123456789abcdef))
  (v128.const i64x2 0x123456789abcdef 0x123456789abcdef))

(assert_return
  (invoke "i64x2.extract_lane 0"
    (v128.const i64x2 0x123456789abcdef -0x8000000000000000))
  (i64.const 0x123456789abcdef))
(assert_return (invoke "i64x2.extract_lane 0" (v128.const i64x2 -2 -2)) (i64.const -2))

(assert_return
  (invoke "i64x2.replace_lane 0"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i64.const -0x1cbe991a14))
  (v128.const i64x2 -0x1cbe991a14 0x123456789abcdef))

(assert_return
  (invoke "i64x2.extract_lane 1"
    (v128.const i64x2 0x123456789abcdef -0x8000000000000000))
  (i64.const -0x8000000000000000))
(assert_return (invoke "i64x2.extract_lane 1" (v128.const i64x2 -2 -2)) (i64.const -2))

(assert_return
  (invoke "i64x2.replace_lane 1"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i64.const -0x1cbe991a14))
  (v128.const i64x2 -0x8000000000000000 -0x1cbe991a14))

(assert_return (invoke "f32x4.splat" (f32.const -1.25)) (v128.const f32x4 -1.25 -1.25 -1.25 -1.25))
(assert_return
  (invoke "f32x4.splat"
    (f32.const -nan:0x200001))
  (v128.const f32x4 -nan:0x200001 -nan:0x200001 -nan:0x200001 -nan:0x200001))

(assert_return (invoke "f32x4.extract_lane 0" (v128.const f32x4 0.5 -0 inf 7.75)) (f32.const 0.5))

(assert_return
  (invoke "f32x4.replace_lane 0"
    (v128.const f32x4 0.5 -0 inf 7.75)
    (f32.const 3))
  (v128.const f32x4 3 -0 inf 7.75))

(assert_return (invoke "f32x4.extract_lane 3" (v128.const f32x4 0.5 -0 inf 7.75)) (f32.const 7.75))

(assert_return
  (invoke "f32x4.replace_lane 3"
    (v128.const f32x4 0.5 -0 inf 7.75)
    (f32.const 3))
  (v128.const f32x4 0.5 -0 inf 3))

(assert_return (invoke "f64x2.splat" (f64.const -1.25)) (v128.const f64x2 -1.25 -1.25))
(assert_return
  (invoke "f64x2.splat"
    (f64.const -nan:0x4000000000001))
  (v128.const f64x2 -nan:0x4000000000001 -nan:0x4000000000001))

(assert_return (invoke "f64x2.extract_lane 0" (v128.const f64x2 0.5 -0)) (f64.const 0.5))

(assert_return (invoke "f64x2.replace_lane 0" (v128.const f64x2 0.5 -0) (f64.const 3)) (v128.const f64x2 3 -0))

(assert_return (invoke "f64x2.extract_lane 1" (v128.const f64x2 0.5 -0)) (f64.const -0))

(assert_return (invoke "f64x2.replace_lane 1" (v128.const f64x2 0.5 -0) (f64.const 3)) (v128.const f64x2 0.5 3))

(assert_return
  (invoke "i8x16.shuffle 31 0 16 15 1 30 2 29 3 28 4 27 5 26 6 25"
    (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    (v128.const i8x16 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115))
  (v128.const i8x16 115 0 100 15 1 114 2 113 3 112 4 111 5 110 6 109))

(assert_return
  (invoke "i8x16.shuffle 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7"
    (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    (v128.const i8x16 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115))
  (v128.const i8x16 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7))

(assert_return
  (invoke "i8x16.swizzle"
    (v128.const i8x16 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115)
    (v128.const i8x16 15 0 16 -1 1 -128 3 14 2 7 7 31 8 9 10 -56))
  (v128.const i8x16 115 100 0 0 101 0 103 114 102 107 107 0 108 109 110 0))

(assert_return
  (invoke "v128.and"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff))
  (v128.const i64x2 0x5454aa8832100000 0x23006700ab00ef))

(assert_return
  (invoke "v128.andnot"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff))
  (v128.const i64x2 -0x5577efefbbbbcdf0 0x10045008900cd00))

(assert_return
  (invoke "v128.or"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff))
  (v128.const i64x2 -0x22454588880124 0x1ff45ff89ffcdff))

(assert_return
  (invoke "v128.xor"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff))
  (v128.const i64x2 -0x5476efcdba980124 0x1dc45988954cd10))

(assert_return
  (invoke "v128.not"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef))
  (v128.const i64x2 0x123456789abcdef -0x123456789abcdf0))

(assert_return
  (invoke "v128.bitselect"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff)
    (v128.const i64x2 0xf0f0f0ff0f0f0f0 -0x100000000))
  (v128.const i64x2 0x5e5caaa873533c1c 0x123456700ff00ff))

(assert_return (invoke "v128.any_true" (v128.const i64x2 0 0)) (i32.const 0))
(assert_return (invoke "v128.any_true" (v128.const i64x2 0 8192)) (i32.const 1))
