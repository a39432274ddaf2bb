package io.ashlar.block;

import io.ashlar.compute.DType;
import io.ashlar.compute.Panels;
import io.ashlar.compute.Quantizer;
import io.ashlar.model.BlockPlan;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.Family;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.format.Checkpoint;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A fine-tune as its base plus low-rank differences of its projections: {@code W' = W + b a}. The factors are found by a
 * randomised range finder with two power iterations (Halko, Martinsson, Tropp 2011, algorithm 4.4): b is an orthonormal
 * basis of the difference's range, {@code a = b^T (W' - W)}. A norm before projections that differs too is folded into
 * them, exactly: {@code W' diag(n') = (W' diag(n' / n)) diag(n)}.
 */
final class Difference {
    private static final int POWER_ITERATIONS = 2;
    /** The norm that each projection follows. */
    private static final Map<String, String> FOLDED_INTO = Map.of(
            "q", "attention_norm",
            "k", "attention_norm",
            "v", "attention_norm",
            "gate", "ffn_norm",
            "up", "ffn_norm");

    private final BlockZoo zoo;
    private final int rank;

    Difference(BlockZoo zoo, int rank) {
        this.zoo = zoo;
        this.rank = rank;
    }

    /** Tensors of an adapter that turns the base into the fine-tune, nearly. Fails where other tensors than projections differ. */
    List<BlockTensor> of(Checkpoint fine, ModelManifest base, Arena arena) {
        Family family = base.family();
        ModelConfig config = base.modelConfig();
        ModelConfig other = family.config(fine.config());
        if (!other.equals(config)) {
            throw new CheckpointException(
                    "the model's numbers are not those of the base; it cannot be stored as a difference");
        }
        List<BlockPlan> plans = family.blocks(config, fine.normsStoredWhole());
        List<BlockTensor> tensors = new ArrayList<>();
        for (int i = 0; i < plans.size(); i++) {
            Map<String, BlockTensor> stored = new HashMap<>();
            try (Arena mapped = Arena.ofShared()) {
                zoo.map(base.chain().get(i), mapped).forEach(t -> stored.put(t.role(), t));
                boolean layer = plans.get(i).kind() == BlockPlan.Kind.LAYER;
                Map<String, float[]> folded = layer ? foldedNorms(fine, plans.get(i), stored) : Map.of();
                for (BlockPlan.Tensor plan : plans.get(i).tensors()) {
                    if (folded.containsKey(plan.role())) {
                        continue;
                    }
                    String norm = FOLDED_INTO.getOrDefault(plan.role(), "");
                    float[][] difference = difference(fine, plan, stored, folded.get(norm));
                    if (difference.length == 0) {
                        continue;
                    }
                    if (!layer || !Family.ADAPTABLE.contains(plan.role())) {
                        throw new CheckpointException(
                                "tensor '" + plan.sources().getFirst().name()
                                        + "' differs from the base's; only projections of layers can be stored as differences");
                    }
                    tensors.addAll(factors(i - 1 + "." + plan.role(), difference, arena));
                }
            }
        }
        if (tensors.isEmpty()) {
            throw new CheckpointException(
                    "the model is the same as its base; import it as it is, it will share all blocks");
        }
        return tensors;
    }

    /** For each norm that projections follow, what it is over the base's. */
    private static Map<String, float[]> foldedNorms(Checkpoint fine, BlockPlan layer, Map<String, BlockTensor> stored) {
        Map<String, float[]> ratios = new HashMap<>();
        for (BlockPlan.Tensor plan : layer.tensors()) {
            BlockTensor base = stored.get(plan.role());
            if (!FOLDED_INTO.containsValue(plan.role()) || base == null) {
                continue;
            }
            float[] own = new float[plan.columns()];
            DType type = fine.tensor(plan.sources().getFirst().name()).type();
            Quantizer.floats(type, Importer.rows(fine, plan)[0], own.length, own);
            for (int k = 0; k < own.length; k++) {
                float there = base.data().getAtIndex(ValueLayout.JAVA_FLOAT, k);
                float value = own[k] + (plan.addOne() ? 1 : 0);
                if (there == 0 && value != 0) {
                    throw new CheckpointException(
                            "tensor '" + plan.sources().getFirst().name()
                                    + "' differs from the base's where that is 0; it cannot be stored as a difference");
                }
                own[k] = there == 0 ? 1 : value / there;
            }
            ratios.put(plan.role(), own);
        }
        return ratios;
    }

    /**
     * Empty where there is none.
     *
     * @param scale of each column of the fine-tune's tensor; null is 1
     */
    private static float[][] difference(
            Checkpoint fine, BlockPlan.Tensor plan, Map<String, BlockTensor> stored, float @Nullable [] scale) {
        BlockTensor base = stored.get(plan.role());
        if (base == null) {
            throw new IllegalStateException("the base's block has no " + plan.role());
        }
        MemorySegment[] rows = Importer.rows(fine, plan);
        DType type = fine.tensor(plan.sources().getFirst().name()).type();
        float[][] difference = new float[plan.rows()][plan.columns()];
        boolean[] differs = new boolean[plan.rows()];
        IntStream.range(0, plan.rows()).parallel().forEach(r -> {
            float[] own = new float[plan.columns()];
            Quantizer.floats(type, rows[r], plan.columns(), own);
            for (int k = 0; k < own.length; k++) {
                float there = plan.vector()
                        ? base.data().getAtIndex(ValueLayout.JAVA_FLOAT, k)
                        : Panels.value(base.data(), 0, base.type(), plan.columns(), r, k);
                float value = own[k] * (scale == null ? 1 : scale[k]) + (plan.addOne() ? 1 : 0);
                difference[r][k] = value - there;
                differs[r] |= difference[r][k] != 0;
            }
        });
        for (boolean row : differs) {
            if (row) {
                return difference;
            }
        }
        return new float[0][];
    }

    private List<BlockTensor> factors(String name, float[][] d, Arena arena) {
        int rows = d.length;
        int columns = d[0].length;
        int k = Math.min(rank, Math.min(rows, columns));
        Random random = new Random(name.hashCode());
        // basis[j] is column j of an n x k matrix, so that products run along memory.
        double[][] basis = new double[k][rows];
        double[][] start = new double[k][columns];
        for (double[] column : start) {
            java.util.Arrays.setAll(column, i -> random.nextGaussian());
        }
        forward(d, start, basis);
        for (int i = 0; i < POWER_ITERATIONS; i++) {
            orthonormalise(basis);
            backward(d, basis, start);
            orthonormalise(start);
            forward(d, start, basis);
        }
        orthonormalise(basis);
        backward(d, basis, start);
        MemorySegment[] a = new MemorySegment[k];
        for (int j = 0; j < k; j++) {
            a[j] = arena.allocate(columns * 4L, 4);
            for (int i = 0; i < columns; i++) {
                a[j].setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) start[j][i]);
            }
        }
        MemorySegment[] b = new MemorySegment[rows];
        for (int r = 0; r < rows; r++) {
            b[r] = arena.allocate(k * 4L, 4);
            for (int j = 0; j < k; j++) {
                b[r].setAtIndex(ValueLayout.JAVA_FLOAT, j, (float) basis[j][r]);
            }
        }
        return List.of(packed(name + ".a", a, columns, arena), packed(name + ".b", b, k, arena));
    }

    private static BlockTensor packed(String role, MemorySegment[] rows, int columns, Arena arena) {
        MemorySegment data = arena.allocate(Panels.bytes(DType.F32, rows.length, columns), 64);
        Panels.pack(DType.F32, rows, columns, data);
        return new BlockTensor(role, DType.F32, rows.length, columns, false, data);
    }

    /** out[j] = d x[j] */
    private static void forward(float[][] d, double[][] x, double[][] out) {
        IntStream.range(0, x.length).parallel().forEach(j -> {
            for (int r = 0; r < d.length; r++) {
                double sum = 0;
                for (int k = 0; k < d[r].length; k++) {
                    sum += d[r][k] * x[j][k];
                }
                out[j][r] = sum;
            }
        });
    }

    /** out[j] = d^T x[j] */
    private static void backward(float[][] d, double[][] x, double[][] out) {
        IntStream.range(0, x.length).parallel().forEach(j -> {
            java.util.Arrays.fill(out[j], 0);
            for (int r = 0; r < d.length; r++) {
                for (int k = 0; k < d[r].length; k++) {
                    out[j][k] += d[r][k] * x[j][r];
                }
            }
        });
    }

    /** Gram and Schmidt, twice over, since once loses orthogonality. */
    private static void orthonormalise(double[][] columns) {
        for (int j = 0; j < columns.length; j++) {
            double[] v = columns[j];
            for (int pass = 0; pass < 2; pass++) {
                for (int i = 0; i < j; i++) {
                    double dot = dot(columns[i], v);
                    for (int k = 0; k < v.length; k++) {
                        v[k] -= dot * columns[i][k];
                    }
                }
            }
            double length = Math.sqrt(dot(v, v));
            for (int k = 0; k < v.length; k++) {
                v[k] = length > 1e-12 ? v[k] / length : 0;
            }
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
