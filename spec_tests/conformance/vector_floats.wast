;; Chapter 4.3.6, floating-point arithmetic on vectors.

(module
  (func (export "f32x4.add") (param v128 v128) (result v128) (f32x4.add (local.get 0) (local.get 1)))
  (func (export "f32x4.sub") (param v128 v128) (result v128) (f32x4.sub (local.get 0) (local.get 1)))
  (func (export "f32x4.mul") (param v128 v128) (result v128) (f32x4.mul (local.get 0) (local.get 1)))
  (func (export "f32x4.div") (param v128 v128) (result v128) (f32x4.div (local.get 0) (local.get 1)))
  (func (export "f32x4.min") (param v128 v128) (result v128) (f32x4.min (local.get 0) (local.get 1)))
  (func (export "f32x4.max") (param v128 v128) (result v128) (f32x4.max (local.get 0) (local.get 1)))
  (func (export "f32x4.pmin") (param v128 v128) (result v128) (f32x4.pmin (local.get 0) (local.get 1)))
  (func (export "f32x4.pmax") (param v128 v128) (result v128) (f32x4.pmax (local.get 0) (local.get 1)))
  (func (export "f32x4.sqrt") (param v128) (result v128) (f32x4.sqrt (local.get 0)))
  (func (export "f32x4.ceil") (param v128) (result v128) (f32x4.ceil (local.get 0)))
  (func (export "f32x4.floor") (param v128) (result v128) (f32x4.floor (local.get 0)))
  (func (export "f32x4.trunc") (param v128) (result v128) (f32x4.trunc (local.get 0)))
  (func (export "f32x4.nearest") (param v128) (result v128) (f32x4.nearest (local.get 0)))
  (func (export "f32x4.abs") (param v128) (result v128) (f32x4.abs (local.get 0)))
  (func (export "f32x4.neg") (param v128) (result v128) (f32x4.neg (local.get 0)))
  (func (export "f64x2.add") (param v128 v128) (result v128) (f64x2.add (local.get 0) (local.get 1)))
  (func (export "f64x2.sub") (param v128 v128) (result v128) (f64x2.sub (local.get 0) (local.get 1)))
  (func (export "f64x2.mul") (param v128 v128) (result v128) (f64x2.mul (local.get 0) (local.get 1)))
  (func (export "f64x2.div") (param v128 v128) (result v128) (f64x2.div (local.get 0) (local.get 1)))
  (func (export "f64x2.min") (param v128 v128) (result v128) (f64x2.min (local.get 0) (local.get 1)))
  (func (export "f64x2.max") (param v128 v128) (result v128) (f64x2.max (local.get 0) (local.get 1)))
  (func (export "f64x2.pmin") (param v128 v128) (result v128) (f64x2.pmin (local.get 0) (local.get 1)))
  (func (export "f64x2.pmax") (param v128 v128) (result v128) (f64x2.pmax (local.get 0) (local.get 1)))
  (func (export "f64x2.sqrt") (param v128) (result v128) (f64x2.sqrt (local.get 0)))
  (func (export "f64x2.ceil") (param v128) (result v128) (f64x2.ceil (local.get 0)))
  (func (export "f64x2.floor") (param v128) (result v128) (f64x2.floor (local.get 0)))
  (func (export "f64x2.trunc") (param v128) (result v128) (f64x2.trunc (local.get 0)))
  (func (export "f64x2.nearest") (param v128) (result v128) (f64x2.nearest (local.get 0)))
  (func (export "f64x2.abs") (param v128) (result v128) (f64x2.abs (local.get 0)))
  (func (export "f64x2.neg") (param v128) (result v128) (f64x2.neg (local.get 0))))

(assert_return
  (invoke "f32x4.add"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 -0.75 0.3 inf 0))
(assert_return
  (invoke "f32x4.add"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 nan nan 7 4))
(assert_return
  (invoke "f32x4.add"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 0 -11 nan -9))

(assert_return
  (invoke "f32x4.sub"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 3.75 -0.1 0 -0))
(assert_return
  (invoke "f32x4.sub"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 inf nan 7 -2))
(assert_return
  (invoke "f32x4.sub"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 0 0 nan 7))

(assert_return
  (invoke "f32x4.mul"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 -3.375 0.020000001 inf -0))
(assert_return
  (invoke "f32x4.mul"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 -inf nan -0 3))
(assert_return
  (invoke "f32x4.mul"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 -0 30.25 nan 8))

(assert_return
  (invoke "f32x4.div"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 -0.6666667 0.5 1 nan))
(assert_return
  (invoke "f32x4.div"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 nan nan -inf 0.33333334))
(assert_return
  (invoke "f32x4.div"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 nan 1 nan 0.125))

(assert_return
  (invoke "f32x4.min"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 -2.25 0.1 3e+38 -0))
(assert_return
  (invoke "f32x4.min"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 -inf nan -0 1))
(assert_return
  (invoke "f32x4.min"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 -0 -5.5 nan -8))

(assert_return
  (invoke "f32x4.max"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 1.5 0.2 3e+38 0))
(assert_return
  (invoke "f32x4.max"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 inf nan 7 3))
(assert_return
  (invoke "f32x4.max"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 0 -5.5 nan -1))

(assert_return
  (invoke "f32x4.pmin"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 -2.25 0.1 3e+38 -0))
(assert_return
  (invoke "f32x4.pmin"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 -inf nan -0 1))
(assert_return
  (invoke "f32x4.pmin"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 0 -5.5 2 -8))

(assert_return
  (invoke "f32x4.pmax"
    (v128.const f32x4 1.5 0.1 3e+38 -0)
    (v128.const f32x4 -2.25 0.2 3e+38 0))
  (v128.const f32x4 1.5 0.2 3e+38 -0))
(assert_return
  (invoke "f32x4.pmax"
    (v128.const f32x4 inf nan 7 1)
    (v128.const f32x4 -inf 1 -0 3))
  (v128.const f32x4 inf nan 7 3))
(assert_return
  (invoke "f32x4.pmax"
    (v128.const f32x4 0 -5.5 2 -1)
    (v128.const f32x4 -0 -5.5 nan -8))
  (v128.const f32x4 0 -5.5 2 -1))

(assert_return
  (invoke "f32x4.sqrt"
    (v128.const f32x4 2.5 -2.5 0.5 -0.3))
  (v128.const f32x4 1.5811388 nan 0.70710677 nan))
(assert_return (invoke "f32x4.sqrt" (v128.const f32x4 -0 inf 1e+20 12.25)) (v128.const f32x4 -0 inf 1e+10 3.5))
(assert_return (invoke "f32x4.sqrt" (v128.const f32x4 nan -1 3.5 4)) (v128.const f32x4 nan nan 1.8708287 2))

(assert_return (invoke "f32x4.ceil" (v128.const f32x4 2.5 -2.5 0.5 -0.3)) (v128.const f32x4 3 -2 1 -0))
(assert_return (invoke "f32x4.ceil" (v128.const f32x4 -0 inf 1e+20 12.25)) (v128.const f32x4 -0 inf 1e+20 13))
(assert_return (invoke "f32x4.ceil" (v128.const f32x4 nan -1 3.5 4)) (v128.const f32x4 nan -1 4 4))

(assert_return (invoke "f32x4.floor" (v128.const f32x4 2.5 -2.5 0.5 -0.3)) (v128.const f32x4 2 -3 0 -1))
(assert_return (invoke "f32x4.floor" (v128.const f32x4 -0 inf 1e+20 12.25)) (v128.const f32x4 -0 inf 1e+20 12))
(assert_return (invoke "f32x4.floor" (v128.const f32x4 nan -1 3.5 4)) (v128.const f32x4 nan -1 3 4))

(assert_return (invoke "f32x4.trunc" (v128.const f32x4 2.5 -2.5 0.5 -0.3)) (v128.const f32x4 2 -2 0 -0))
(assert_return (invoke "f32x4.trunc" (v128.const f32x4 -0 inf 1e+20 12.25)) (v128.const f32x4 -0 inf 1e+20 12))
(assert_return (invoke "f32x4.trunc" (v128.const f32x4 nan -1 3.5 4)) (v128.const f32x4 nan -1 3 4))

(assert_return (invoke "f32x4.nearest" (v128.const f32x4 2.5 -2.5 0.5 -0.3)) (v128.const f32x4 2 -2 0 -0))
(assert_return (invoke "f32x4.nearest" (v128.const f32x4 -0 inf 1e+20 12.25)) (v128.const f32x4 -0 inf 1e+20 12))
(assert_return (invoke "f32x4.nearest" (v128.const f32x4 nan -1 3.5 4)) (v128.const f32x4 nan -1 4 4))

(assert_return (invoke "f32x4.abs" (v128.const f32x4 2.5 -2.5 0.5 -0.3)) (v128.const f32x4 2.5 2.5 0.5 0.3))
(assert_return (invoke "f32x4.abs" (v128.const f32x4 -0 inf 1e+20 12.25)) (v128.const f32x4 0 inf 1e+20 12.25))

(assert_return (invoke "f32x4.neg" (v128.const f32x4 2.5 -2.5 0.5 -0.3)) (v128.const f32x4 -2.5 2.5 -0.5 0.3))
(assert_return (invoke "f32x4.neg" (v128.const f32x4 -0 inf 1e+20 12.25)) (v128.const f32x4 0 -inf -1e+20 -12.25))

(assert_return
  (invoke "f64x2.add"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 -0.75 0.30000000000000004))
(assert_return
  (invoke "f64x2.add"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 inf 0))
(assert_return (invoke "f64x2.add" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 nan nan))
(assert_return (invoke "f64x2.add" (v128.const f64x2 7 1) (v128.const f64x2 -0 3)) (v128.const f64x2 7 4))
(assert_return (invoke "f64x2.add" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 0 -11))
(assert_return (invoke "f64x2.add" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 nan -9))

(assert_return
  (invoke "f64x2.sub"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 3.75 -0.1))
(assert_return
  (invoke "f64x2.sub"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 0 -0))
(assert_return (invoke "f64x2.sub" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 inf nan))
(assert_return (invoke "f64x2.sub" (v128.const f64x2 7 1) (v128.const f64x2 -0 3)) (v128.const f64x2 7 -2))
(assert_return (invoke "f64x2.sub" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 0 0))
(assert_return (invoke "f64x2.sub" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 nan 7))

(assert_return
  (invoke "f64x2.mul"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 -3.375 0.020000000000000004))
(assert_return
  (invoke "f64x2.mul"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 inf -0))
(assert_return (invoke "f64x2.mul" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 -inf nan))
(assert_return (invoke "f64x2.mul" (v128.const f64x2 7 1) (v128.const f64x2 -0 3)) (v128.const f64x2 -0 3))
(assert_return (invoke "f64x2.mul" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 -0 30.25))
(assert_return (invoke "f64x2.mul" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 nan 8))

(assert_return
  (invoke "f64x2.div"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 -0.6666666666666666 0.5))
(assert_return
  (invoke "f64x2.div"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 1 nan))
(assert_return (invoke "f64x2.div" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 nan nan))
(assert_return
  (invoke "f64x2.div"
    (v128.const f64x2 7 1)
    (v128.const f64x2 -0 3))
  (v128.const f64x2 -inf 0.3333333333333333))
(assert_return (invoke "f64x2.div" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 nan 1))
(assert_return (invoke "f64x2.div" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 nan 0.125))

(assert_return
  (invoke "f64x2.min"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 -2.25 0.1))
(assert_return
  (invoke "f64x2.min"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 1.5e+308 -0))
(assert_return (invoke "f64x2.min" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 -inf nan))
(assert_return (invoke "f64x2.min" (v128.const f64x2 7 1) (v128.const f64x2 -0 3)) (v128.const f64x2 -0 1))
(assert_return (invoke "f64x2.min" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 -0 -5.5))
(assert_return (invoke "f64x2.min" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 nan -8))

(assert_return
  (invoke "f64x2.max"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 1.5 0.2))
(assert_return
  (invoke "f64x2.max"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 1.5e+308 0))
(assert_return (invoke "f64x2.max" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 inf nan))
(assert_return (invoke "f64x2.max" (v128.const f64x2 7 1) (v128.const f64x2 -0 3)) (v128.const f64x2 7 3))
(assert_return (invoke "f64x2.max" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 0 -5.5))
(assert_return (invoke "f64x2.max" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 nan -1))

(assert_return
  (invoke "f64x2.pmin"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 -2.25 0.1))
(assert_return
  (invoke "f64x2.pmin"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 1.5e+308 -0))
(assert_return (invoke "f64x2.pmin" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 -inf nan))
(assert_return (invoke "f64x2.pmin" (v128.const f64x2 7 1) (v128.const f64x2 -0 3)) (v128.const f64x2 -0 1))
(assert_return (invoke "f64x2.pmin" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 0 -5.5))
(assert_return (invoke "f64x2.pmin" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 2 -8))

(assert_return
  (invoke "f64x2.pmax"
    (v128.const f64x2 1.5 0.1)
    (v128.const f64x2 -2.25 0.2))
  (v128.const f64x2 1.5 0.2))
(assert_return
  (invoke "f64x2.pmax"
    (v128.const f64x2 1.5e+308 -0)
    (v128.const f64x2 1.5e+308 0))
  (v128.const f64x2 1.5e+308 -0))
(assert_return (invoke "f64x2.pmax" (v128.const f64x2 inf nan) (v128.const f64x2 -inf 1)) (v128.const f64x2 inf nan))
(assert_return (invoke "f64x2.pmax" (v128.const f64x2 7 1) (v128.const f64x2 -0 3)) (v128.const f64x2 7 3))
(assert_return (invoke "f64x2.pmax" (v128.const f64x2 0 -5.5) (v128.const f64x2 -0 -5.5)) (v128.const f64x2 0 -5.5))
(assert_return (invoke "f64x2.pmax" (v128.const f64x2 2 -1) (v128.const f64x2 nan -8)) (v128.const f64x2 2 -1))

(assert_return (invoke "f64x2.sqrt" (v128.const f64x2 2.5 -2.5)) (v128.const f64x2 1.5811388300841898 nan))
(assert_return (invoke "f64x2.sqrt" (v128.const f64x2 0.5 -0.3)) (v128.const f64x2 0.7071067811865476 nan))
(assert_return (invoke "f64x2.sqrt" (v128.const f64x2 -0 inf)) (v128.const f64x2 -0 inf))
(assert_return (invoke "f64x2.sqrt" (v128.const f64x2 1e+300 12.25)) (v128.const f64x2 1e+150 3.5))
(assert_return (invoke "f64x2.sqrt" (v128.const f64x2 nan -1)) (v128.const f64x2 nan nan))
(assert_return (invoke "f64x2.sqrt" (v128.const f64x2 3.5 4)) (v128.const f64x2 1.8708286933869707 2))

(assert_return (invoke "f64x2.ceil" (v128.const f64x2 2.5 -2.5)) (v128.const f64x2 3 -2))
(assert_return (invoke "f64x2.ceil" (v128.const f64x2 0.5 -0.3)) (v128.const f64x2 1 -0))
(assert_return (invoke "f64x2.ceil" (v128.const f64x2 -0 inf)) (v128.const f64x2 -0 inf))
(assert_return (invoke "f64x2.ceil" (v128.const f64x2 1e+300 12.25)) (v128.const f64x2 1e+300 13))
(assert_return (invoke "f64x2.ceil" (v128.const f64x2 nan -1)) (v128.const f64x2 nan -1))
(assert_return (invoke "f64x2.ceil" (v128.const f64x2 3.5 4)) (v128.const f64x2 4 4))

(assert_return (invoke "f64x2.floor" (v128.const f64x2 2.5 -2.5)) (v128.const f64x2 2 -3))
(assert_return (invoke "f64x2.floor" (v128.const f64x2 0.5 -0.3)) (v128.const f64x2 0 -1))
(assert_return (invoke "f64x2.floor" (v128.const f64x2 -0 inf)) (v128.const f64x2 -0 inf))
(assert_return (invoke "f64x2.floor" (v128.const f64x2 1e+300 12.25)) (v128.const f64x2 1e+300 12))
(assert_return (invoke "f64x2.floor" (v128.const f64x2 nan -1)) (v128.const f64x2 nan -1))
(assert_return (invoke "f64x2.floor" (v128.const f64x2 3.5 4)) (v128.const f64x2 3 4))

(assert_return (invoke "f64x2.trunc" (v128.const f64x2 2.5 -2.5)) (v128.const f64x2 2 -2))
(assert_return (invoke "f64x2.trunc" (v128.const f64x2 0.5 -0.3)) (v128.const f64x2 0 -0))
(assert_return (invoke "f64x2.trunc" (v128.const f64x2 -0 inf)) (v128.const f64x2 -0 inf))
(assert_return (invoke "f64x2.trunc" (v128.const f64x2 1e+300 12.25)) (v128.const f64x2 1e+300 12))
(assert_return (invoke "f64x2.trunc" (v128.const f64x2 nan -1)) (v128.const f64x2 nan -1))
(assert_return (invoke "f64x2.trunc" (v128.const f64x2 3.5 4)) (v128.const f64x2 3 4))

(assert_return (invoke "f64x2.nearest" (v128.const f64x2 2.5 -2.5)) (v128.const f64x2 2 -2))
(assert_return (invoke "f64x2.nearest" (v128.const f64x2 0.5 -0.3)) (v128.const f64x2 0 -0))
(assert_return (invoke "f64x2.nearest" (v128.const f64x2 -0 inf)) (v128.const f64x2 -0 inf))
(assert_return (invoke "f64x2.nearest" (v128.const f64x2 1e+300 12.25)) (v128.const f64x2 1e+300 12))
(assert_return (invoke "f64x2.nearest" (v128.const f64x2 nan -1)) (v128.const f64x2 nan -1))
(assert_return (invoke "f64x2.nearest" (v128.const f64x2 3.5 4)) (v128.const f64x2 4 4))

(assert_return (invoke "f64x2.abs" (v128.const f64x2 2.5 -2.5)) (v128.const f64x2 2.5 2.5))
(assert_return (invoke "f64x2.abs" (v128.const f64x2 0.5 -0.3)) (v128.const f64x2 0.5 0.3))
(assert_return (invoke "f64x2.abs" (v128.const f64x2 -0 inf)) (v128.const f64x2 0 inf))
(assert_return (invoke "f64x2.abs" (v128.const f64x2 1e+300 12.25)) (v128.const f64x2 1e+300 12.25))

(assert_return (invoke "f64x2.neg" (v128.const f64x2 2.5 -2.5)) (v128.const f64x2 -2.5 2.5))
(assert_return (invoke "f64x2.neg" (v128.const f64x2 0.5 -0.3)) (v128.const f64x2 -0.5 0.3))
(assert_return (invoke "f64x2.neg" (v128.const f64x2 -0 inf)) (v128.const f64x2 0 -inf))
(assert_return (invoke "f64x2.neg" (v128.const f64x2 1e+300 12.25)) (v128.const f64x2 -1e+300 -12.25))

;; Sign operations and the pseudo-minimum copy a NaN; arithmetic makes it the canonical positive one.
(assert_return
  (invoke "f32x4.neg"
    (v128.const f32x4 nan:0x200001 -nan:0x200001 1 2))
  (v128.const f32x4 -nan:0x200001 nan:0x200001 -1 -2))
(assert_return
  (invoke "f32x4.abs"
    (v128.const f32x4 -nan:0x200001 nan:0x200001 -1 2))
  (v128.const f32x4 nan:0x200001 nan:0x200001 1 2))
(assert_return
  (invoke "f32x4.pmin"
    (v128.const f32x4 -nan:0x200001 1 1 2)
    (v128.const f32x4 1 -nan:0x200001 0.5 3))
  (v128.const f32x4 -nan:0x200001 1 0.5 2))
(assert_return
  (invoke "f32x4.add"
    (v128.const f32x4 -nan:0x200001 1 1 2)
    (v128.const f32x4 1 -nan:0x200001 0.5 3))
  (v128.const f32x4 nan nan 1.5 5))
