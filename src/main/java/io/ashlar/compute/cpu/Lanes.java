package io.ashlar.compute.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vectors of the widest shape, with loads that widen stored weights, and reductions and exponentials whose result is the
 * same to the last bit whether interpreted or compiled (the Vector API's own leave their order open).
 */
final class Lanes {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final int WIDTH = F.length();
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final VectorSpecies<Short> S =
            VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));
    private static final VectorSpecies<Float> F256 = FloatVector.SPECIES_256;
    private static final VectorSpecies<Float> F128 = FloatVector.SPECIES_128;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    /** Float bits of 2^112: moves a half's exponent bias (15) to a float's (127), subnormals included. */
    private static final float HALF_SCALE = 0x1p112f;

    private Lanes() {}

    /** A vector of floats at a byte offset. */
    static FloatVector load(MemorySegment memory, long at) {
        return FloatVector.fromMemorySegment(F, memory, at, LE);
    }

    static void store(FloatVector v, MemorySegment memory, long at) {
        v.intoMemorySegment(memory, at, LE);
    }

    static FloatVector bf16(MemorySegment memory, long at) {
        return ((IntVector) ShortVector.fromMemorySegment(S, memory, at, LE)
                        .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0))
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    static FloatVector f16(MemorySegment memory, long at) {
        IntVector bits = (IntVector)
                ShortVector.fromMemorySegment(S, memory, at, LE).convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
        IntVector sign = bits.and(0x8000).lanewise(VectorOperators.LSHL, 16);
        FloatVector magnitude = bits.and(0x7fff)
                .lanewise(VectorOperators.LSHL, 13)
                .reinterpretAsFloats()
                .mul(HALF_SCALE);
        return magnitude.reinterpretAsInts().or(sign).reinterpretAsFloats();
    }

    static float get(MemorySegment memory, long at) {
        return memory.get(ValueLayout.JAVA_FLOAT, at);
    }

    static void set(MemorySegment memory, long at, float value) {
        memory.set(ValueLayout.JAVA_FLOAT, at, value);
    }

    /** The sum of all lanes, by halving. */
    static float sum(FloatVector v) {
        FloatVector v256 = v.length() == 16
                ? ((FloatVector) v.reinterpretShape(F256, 0)).add((FloatVector) v.reinterpretShape(F256, 1))
                : v;
        FloatVector v128 = v256.length() == 8
                ? ((FloatVector) v256.reinterpretShape(F128, 0)).add((FloatVector) v256.reinterpretShape(F128, 1))
                : v256;
        return (v128.lane(0) + v128.lane(2)) + (v128.lane(1) + v128.lane(3));
    }

    // exp(x) = 2^n * exp(r), r = x - n ln 2; the polynomial is that of the Cephes library's expf (S. Moshier).
    private static final float LOG2E = 1.44269504088896341f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    /** Adding and taking away 1.5 * 2^23 rounds a small float to the nearest integer. */
    private static final float ROUND = 12_582_912f;

    private static final float EXP_MIN = -87.3f;
    private static final float EXP_MAX = 88.3f;

    /** e^x, relative error below 2e-7; arguments under -87.3 give 0. */
    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.max(EXP_MIN).min(EXP_MAX);
        FloatVector n = clamped.mul(LOG2E).add(ROUND).sub(ROUND);
        FloatVector r = n.lanewise(VectorOperators.NEG).fma(FloatVector.broadcast(F, LN2_HIGH), clamped);
        r = n.lanewise(VectorOperators.NEG).fma(FloatVector.broadcast(F, LN2_LOW), r);
        FloatVector p = FloatVector.broadcast(F, 1.9875691500E-4f);
        p = p.fma(r, FloatVector.broadcast(F, 1.3981999507E-3f));
        p = p.fma(r, FloatVector.broadcast(F, 8.3334519073E-3f));
        p = p.fma(r, FloatVector.broadcast(F, 4.1665795894E-2f));
        p = p.fma(r, FloatVector.broadcast(F, 1.6666665459E-1f));
        p = p.fma(r, FloatVector.broadcast(F, 5.0000001201E-1f));
        FloatVector e = p.fma(r.mul(r), r).add(1f);
        IntVector power =
                ((IntVector) n.convertShape(VectorOperators.F2I, I, 0)).add(127).lanewise(VectorOperators.LSHL, 23);
        FloatVector result = e.mul(power.reinterpretAsFloats());
        return result.blend(0f, x.lt(EXP_MIN));
    }
}
