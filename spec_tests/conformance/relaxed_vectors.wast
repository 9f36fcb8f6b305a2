;; Relaxed vector instructions, each with the choice of the deterministic profile: multiply and add, for one, round twice.

(module
  (func (export "i8x16.relaxed_swizzle") (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))
  (func (export "i32x4.relaxed_trunc_f32x4_s") (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))
  (func (export "i32x4.relaxed_trunc_f64x2_s_zero") (param v128) (result v128) (i32x4.relaxed_trunc_f64x2_s_zero (local.get 0)))
  (func (export "i32x4.relaxed_trunc_f32x4_u") (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_u (local.get 0)))
  (func (export "i32x4.relaxed_trunc_f64x2_u_zero") (param v128) (result v128) (i32x4.relaxed_trunc_f64x2_u_zero (local.get 0)))
  (func (export "f32x4.relaxed_madd") (param v128 v128 v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))
  (func (export "f32x4.relaxed_nmadd") (param v128 v128 v128) (result v128) (f32x4.relaxed_nmadd (local.get 0) (local.get 1) (local.get 2)))
  (func (export "f32x4.relaxed_min") (param v128 v128) (result v128) (f32x4.relaxed_min (local.get 0) (local.get 1)))
  (func (export "f32x4.relaxed_max") (param v128 v128) (result v128) (f32x4.relaxed_max (local.get 0) (local.get 1)))
  (func (export "f64x2.relaxed_madd") (param v128 v128 v128) (result v128) (f64x2.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))
  (func (export "f64x2.relaxed_nmadd") (param v128 v128 v128) (result v128) (f64x2.relaxed_nmadd (local.get 0) (local.get 1) (local.get 2)))
  (func (export "f64x2.relaxed_min") (param v128 v128) (result v128) (f64x2.relaxed_min (local.get 0) (local.get 1)))
  (func (export "f64x2.relaxed_max") (param v128 v128) (result v128) (f64x2.relaxed_max (local.get 0) (local.get 1)))
  (func (export "i8x16.relaxed_laneselect") (param v128 v128 v128) (result v128) (i8x16.relaxed_laneselect (local.get 0) (local.get 1) (local.get 2)))
  (func (export "i16x8.relaxed_laneselect") (param v128 v128 v128) (result v128) (i16x8.relaxed_laneselect (local.get 0) (local.get 1) (local.get 2)))
  (func (export "i32x4.relaxed_laneselect") (param v128 v128 v128) (result v128) (i32x4.relaxed_laneselect (local.get 0) (local.get 1) (local.get 2)))
  (func (export "i64x2.relaxed_laneselect") (param v128 v128 v128) (result v128) (i64x2.relaxed_laneselect (local.get 0) (local.get 1) (local.get 2)))
  (func (export "i16x8.relaxed_q15mulr_s") (param v128 v128) (result v128) (i16x8.relaxed_q15mulr_s (local.get 0) (local.get 1)))
  (func (export "i16x8.relaxed_dot_i8x16_i7x16_s") (param v128 v128) (result v128) (i16x8.relaxed_dot_i8x16_i7x16_s (local.get 0) (local.get 1)))
  (func (export "i32x4.relaxed_dot_i8x16_i7x16_add_s") (param v128 v128 v128) (result v128) (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 1) (local.get 2))))

(assert_return
  (invoke "i8x16.relaxed_swizzle"
    (v128.const i8x16 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115)
    (v128.const i8x16 15 0 16 -1 1 -128 3 14 2 7 7 31 8 9 10 -56))
  (v128.const i8x16 115 100 0 0 101 0 103 114 102 107 107 0 108 109 110 0))

(assert_return
  (invoke "i32x4.relaxed_trunc_f32x4_s"
    (v128.const f32x4 1.9 -1.9 3e+09 -3e+09))
  (v128.const i32x4 1 -1 0x7fffffff -0x80000000))
(assert_return
  (invoke "i32x4.relaxed_trunc_f32x4_s"
    (v128.const f32x4 nan inf -inf -0.5))
  (v128.const i32x4 0 0x7fffffff -0x80000000 0))

(assert_return (invoke "i32x4.relaxed_trunc_f64x2_s_zero" (v128.const f64x2 1.9 -1.9)) (v128.const i32x4 1 -1 0 0))
(assert_return
  (invoke "i32x4.relaxed_trunc_f64x2_s_zero"
    (v128.const f64x2 3000000000 -3000000000))
  (v128.const i32x4 0x7fffffff -0x80000000 0 0))
(assert_return
  (invoke "i32x4.relaxed_trunc_f64x2_s_zero"
    (v128.const f64x2 nan inf))
  (v128.const i32x4 0 0x7fffffff 0 0))

(assert_return
  (invoke "i32x4.relaxed_trunc_f32x4_u"
    (v128.const f32x4 1.9 -1.9 3e+09 -3e+09))
  (v128.const i32x4 1 0 -0x4d2fa200 0))
(assert_return
  (invoke "i32x4.relaxed_trunc_f32x4_u"
    (v128.const f32x4 nan inf -inf -0.5))
  (v128.const i32x4 0 -1 0 0))

(assert_return (invoke "i32x4.relaxed_trunc_f64x2_u_zero" (v128.const f64x2 1.9 -1.9)) (v128.const i32x4 1 0 0 0))
(assert_return
  (invoke "i32x4.relaxed_trunc_f64x2_u_zero"
    (v128.const f64x2 3000000000 -3000000000))
  (v128.const i32x4 -0x4d2fa200 0 0 0))
(assert_return (invoke "i32x4.relaxed_trunc_f64x2_u_zero" (v128.const f64x2 nan inf)) (v128.const i32x4 0 -1 0 0))

(assert_return
  (invoke "f32x4.relaxed_madd"
    (v128.const f32x4 1.0000001 0.1 2 -1.5)
    (v128.const f32x4 1.0000001 10 3 1.5)
    (v128.const f32x4 -1.0000002 -1 4 0.25))
  (v128.const f32x4 0 0 10 -2))

(assert_return
  (invoke "f32x4.relaxed_nmadd"
    (v128.const f32x4 1.0000001 0.1 2 -1.5)
    (v128.const f32x4 1.0000001 10 3 1.5)
    (v128.const f32x4 -1.0000002 -1 4 0.25))
  (v128.const f32x4 -2.0000005 -2 -2 2.5))

(assert_return
  (invoke "f32x4.relaxed_min"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const f32x4 1.5 -0 nan -inf))
(assert_return
  (invoke "f32x4.relaxed_min"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const f32x4 -2 1 nan nan))

(assert_return
  (invoke "f32x4.relaxed_max"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const f32x4 1.5 0 nan inf))
(assert_return
  (invoke "f32x4.relaxed_max"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const f32x4 -1 1.25 nan nan))

(assert_return
  (invoke "f64x2.relaxed_madd"
    (v128.const f64x2 1.0000000000000002 0.1)
    (v128.const f64x2 1.0000000000000002 10)
    (v128.const f64x2 -1.0000000000000004 -1))
  (v128.const f64x2 0 0))
(assert_return
  (invoke "f64x2.relaxed_madd"
    (v128.const f64x2 2 -1.5)
    (v128.const f64x2 3 1.5)
    (v128.const f64x2 4 0.25))
  (v128.const f64x2 10 -2))

(assert_return
  (invoke "f64x2.relaxed_nmadd"
    (v128.const f64x2 1.0000000000000002 0.1)
    (v128.const f64x2 1.0000000000000002 10)
    (v128.const f64x2 -1.0000000000000004 -1))
  (v128.const f64x2 -2.000000000000001 -2))
(assert_return
  (invoke "f64x2.relaxed_nmadd"
    (v128.const f64x2 2 -1.5)
    (v128.const f64x2 3 1.5)
    (v128.const f64x2 4 0.25))
  (v128.const f64x2 -2 2.5))

(assert_return
  (invoke "f64x2.relaxed_min"
    (v128.const f64x2 1.5 -0)
    (v128.const f64x2 1.5 0))
  (v128.const f64x2 1.5 -0))
(assert_return
  (invoke "f64x2.relaxed_min"
    (v128.const f64x2 nan -inf)
    (v128.const f64x2 1 inf))
  (v128.const f64x2 nan -inf))
(assert_return (invoke "f64x2.relaxed_min" (v128.const f64x2 2 -4) (v128.const f64x2 1 -3.5)) (v128.const f64x2 1 -4))

(assert_return
  (invoke "f64x2.relaxed_max"
    (v128.const f64x2 1.5 -0)
    (v128.const f64x2 1.5 0))
  (v128.const f64x2 1.5 0))
(assert_return
  (invoke "f64x2.relaxed_max"
    (v128.const f64x2 nan -inf)
    (v128.const f64x2 1 inf))
  (v128.const f64x2 nan inf))
(assert_return
  (invoke "f64x2.relaxed_max"
    (v128.const f64x2 2 -4)
    (v128.const f64x2 1 -3.5))
  (v128.const f64x2 2 -3.5))

(assert_return
  (invoke "i8x16.relaxed_laneselect"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff)
    (v128.const i64x2 0xf0f0f0ff0f0f0f0 -0x100000000))
  (v128.const i64x2 0x5e5caaa873533c1c 0x123456700ff00ff))

(assert_return
  (invoke "i16x8.relaxed_laneselect"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff)
    (v128.const i64x2 0xf0f0f0ff0f0f0f0 -0x100000000))
  (v128.const i64x2 0x5e5caaa873533c1c 0x123456700ff00ff))

(assert_return
  (invoke "i32x4.relaxed_laneselect"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff)
    (v128.const i64x2 0xf0f0f0ff0f0f0f0 -0x100000000))
  (v128.const i64x2 0x5e5caaa873533c1c 0x123456700ff00ff))

(assert_return
  (invoke "i64x2.relaxed_laneselect"
    (v128.const i64x2 -0x123456789abcdf0 0x123456789abcdef)
    (v128.const i64x2 0x5555aaaa3333cccc 0xff00ff00ff00ff)
    (v128.const i64x2 0xf0f0f0ff0f0f0f0 -0x100000000))
  (v128.const i64x2 0x5e5caaa873533c1c 0x123456700ff00ff))

(assert_return
  (invoke "i16x8.relaxed_q15mulr_s"
    (v128.const i16x8 -32768 -32768 32767 100 -100 16384 1 0)
    (v128.const i16x8 -32768 32767 32767 3000 3000 16384 16384 9))
  (v128.const i16x8 32767 -32767 32766 9 -9 8192 1 0))

(assert_return
  (invoke "i16x8.relaxed_dot_i8x16_i7x16_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 1 1 1 100 100 7 77 33 65 64 3 2 90 90))
  (v128.const i16x8 1 126 9872 -9965 4840 64 2 0))

(assert_return
  (invoke "i32x4.relaxed_dot_i8x16_i7x16_add_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 1 1 1 100 100 7 77 33 65 64 3 2 90 90)
    (v128.const i32x4 10 -20 0xf4240 0x7fffffff))
  (v128.const i32x4 137 -113 0xf5568 -0x7fffffff))
