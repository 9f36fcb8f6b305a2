;; Chapter 4.3.6, conversions between vectors.

(module
  (func (export "i32x4.trunc_sat_f32x4_s") (param v128) (result v128) (i32x4.trunc_sat_f32x4_s (local.get 0)))
  (func (export "i32x4.trunc_sat_f64x2_s_zero") (param v128) (result v128) (i32x4.trunc_sat_f64x2_s_zero (local.get 0)))
  (func (export "f32x4.convert_i32x4_s") (param v128) (result v128) (f32x4.convert_i32x4_s (local.get 0)))
  (func (export "f64x2.convert_low_i32x4_s") (param v128) (result v128) (f64x2.convert_low_i32x4_s (local.get 0)))
  (func (export "i32x4.trunc_sat_f32x4_u") (param v128) (result v128) (i32x4.trunc_sat_f32x4_u (local.get 0)))
  (func (export "i32x4.trunc_sat_f64x2_u_zero") (param v128) (result v128) (i32x4.trunc_sat_f64x2_u_zero (local.get 0)))
  (func (export "f32x4.convert_i32x4_u") (param v128) (result v128) (f32x4.convert_i32x4_u (local.get 0)))
  (func (export "f64x2.convert_low_i32x4_u") (param v128) (result v128) (f64x2.convert_low_i32x4_u (local.get 0)))
  (func (export "f32x4.demote_f64x2_zero") (param v128) (result v128) (f32x4.demote_f64x2_zero (local.get 0)))
  (func (export "f64x2.promote_low_f32x4") (param v128) (result v128) (f64x2.promote_low_f32x4 (local.get 0))))

(assert_return
  (invoke "i32x4.trunc_sat_f32x4_s"
    (v128.const f32x4 1.9 -1.9 3e+09 -3e+09))
  (v128.const i32x4 1 -1 0x7fffffff -0x80000000))
(assert_return
  (invoke "i32x4.trunc_sat_f32x4_s"
    (v128.const f32x4 nan inf -inf -0.5))
  (v128.const i32x4 0 0x7fffffff -0x80000000 0))
(assert_return
  (invoke "i32x4.trunc_sat_f32x4_s"
    (v128.const f32x4 4.294967e+09 2.1474835e+09 5e+09 0))
  (v128.const i32x4 0x7fffffff 0x7fffff80 0x7fffffff 0))

(assert_return (invoke "i32x4.trunc_sat_f64x2_s_zero" (v128.const f64x2 1.9 -1.9)) (v128.const i32x4 1 -1 0 0))
(assert_return
  (invoke "i32x4.trunc_sat_f64x2_s_zero"
    (v128.const f64x2 3000000000 -3000000000))
  (v128.const i32x4 0x7fffffff -0x80000000 0 0))
(assert_return (invoke "i32x4.trunc_sat_f64x2_s_zero" (v128.const f64x2 nan inf)) (v128.const i32x4 0 0x7fffffff 0 0))
(assert_return
  (invoke "i32x4.trunc_sat_f64x2_s_zero"
    (v128.const f64x2 -inf 4294967295.5))
  (v128.const i32x4 -0x80000000 0x7fffffff 0 0))

(assert_return
  (invoke "f32x4.convert_i32x4_s"
    (v128.const i32x4 0 -1 0x1000001 0x7fffffff))
  (v128.const f32x4 0 -1 1.6777216e+07 2.1474836e+09))
(assert_return
  (invoke "f32x4.convert_i32x4_s"
    (v128.const i32x4 -0x80000000 0x2000003 -0x1000003 9))
  (v128.const f32x4 -2.1474836e+09 3.3554436e+07 -1.677722e+07 9))

(assert_return (invoke "f64x2.convert_low_i32x4_s" (v128.const i32x4 0 -1 7 8)) (v128.const f64x2 0 -1))
(assert_return
  (invoke "f64x2.convert_low_i32x4_s"
    (v128.const i32x4 -0x80000000 0x7fffffff 1 1))
  (v128.const f64x2 -2147483648 2147483647))

(assert_return
  (invoke "i32x4.trunc_sat_f32x4_u"
    (v128.const f32x4 1.9 -1.9 3e+09 -3e+09))
  (v128.const i32x4 1 0 -0x4d2fa200 0))
(assert_return (invoke "i32x4.trunc_sat_f32x4_u" (v128.const f32x4 nan inf -inf -0.5)) (v128.const i32x4 0 -1 0 0))
(assert_return
  (invoke "i32x4.trunc_sat_f32x4_u"
    (v128.const f32x4 4.294967e+09 2.1474835e+09 5e+09 0))
  (v128.const i32x4 -256 0x7fffff80 -1 0))

(assert_return (invoke "i32x4.trunc_sat_f64x2_u_zero" (v128.const f64x2 1.9 -1.9)) (v128.const i32x4 1 0 0 0))
(assert_return
  (invoke "i32x4.trunc_sat_f64x2_u_zero"
    (v128.const f64x2 3000000000 -3000000000))
  (v128.const i32x4 -0x4d2fa200 0 0 0))
(assert_return (invoke "i32x4.trunc_sat_f64x2_u_zero" (v128.const f64x2 nan inf)) (v128.const i32x4 0 -1 0 0))
(assert_return
  (invoke "i32x4.trunc_sat_f64x2_u_zero"
    (v128.const f64x2 -inf 4294967295.5))
  (v128.const i32x4 0 -1 0 0))

(assert_return
  (invoke "f32x4.convert_i32x4_u"
    (v128.const i32x4 0 -1 0x1000001 0x7fffffff))
  (v128.const f32x4 0 4.2949673e+09 1.6777216e+07 2.1474836e+09))
(assert_return
  (invoke "f32x4.convert_i32x4_u"
    (v128.const i32x4 -0x80000000 0x2000003 -0x1000003 9))
  (v128.const f32x4 2.1474836e+09 3.3554436e+07 4.27819e+09 9))

(assert_return (invoke "f64x2.convert_low_i32x4_u" (v128.const i32x4 0 -1 7 8)) (v128.const f64x2 0 4294967295))
(assert_return
  (invoke "f64x2.convert_low_i32x4_u"
    (v128.const i32x4 -0x80000000 0x7fffffff 1 1))
  (v128.const f64x2 2147483648 2147483647))

(assert_return (invoke "f32x4.demote_f64x2_zero" (v128.const f64x2 0.1 -1e+39)) (v128.const f32x4 0.1 -inf 0 0))
(assert_return (invoke "f32x4.demote_f64x2_zero" (v128.const f64x2 nan 1e-46)) (v128.const f32x4 nan 0 0 0))

(assert_return
  (invoke "f64x2.promote_low_f32x4"
    (v128.const f32x4 0.1 -0 1 1))
  (v128.const f64x2 0.10000000149011612 -0))
(assert_return (invoke "f64x2.promote_low_f32x4" (v128.const f32x4 nan -inf 5 6)) (v128.const f64x2 nan -inf))
