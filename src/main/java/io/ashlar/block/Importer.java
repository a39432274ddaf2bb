package io.ashlar.block;

import io.ashlar.compute.DType;
import io.ashlar.compute.Panels;
import io.ashlar.compute.Quantizer;
import io.ashlar.model.BlockPlan;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.Family;
import io.ashlar.model.Fields;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.format.StoredTensor;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.Tokenizer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Cuts checkpoints into blocks and stores them in the zoo, in the layout that kernels read. Everything is checked before
 * anything is written; an import that was interrupted leaves blocks that its repetition finds.
 */
public final class Importer {
    private static final List<String> SPECIAL_TOKENS = List.of("bos_token", "eos_token", "pad_token", "unk_token");
    private static final String ADAPTER_PREFIX = "base_model.model.";

    private final BlockZoo zoo;

    /** Told after each block how many are stored. */
    @FunctionalInterface
    public interface Progress {
        void stored(int blocks, int of);

        Progress NONE = (blocks, of) -> {};
    }

    public Importer(BlockZoo zoo) {
        this.zoo = zoo;
    }

    public ModelManifest model(Checkpoint checkpoint, Quantization quantize, Progress progress) {
        Fields fields = checkpoint.config();
        Family family = Family.of(fields.text("model_type"));
        ModelConfig config = family.config(fields);
        List<BlockPlan> plans = family.blocks(config, checkpoint.normsStoredWhole());
        for (BlockPlan plan : plans) {
            plan.tensors().forEach(t -> check(checkpoint, t));
        }
        byte[] tokenizer = checkpoint.tokenizer();
        new Tokenizer(tokenizer, config.vocabularySize()).close();
        String template = checkpoint.chatTemplate();
        Map<String, String> special = new HashMap<>();
        for (String name : SPECIAL_TOKENS) {
            String text = checkpoint.specialToken(name);
            if (text != null) {
                special.put(name, text);
            }
        }
        if (template != null) {
            new ChatTemplate(template, special).check();
        }
        List<String> chain = new ArrayList<>();
        Map<List<BlockPlan.Tensor>, String> stored = new HashMap<>();
        for (BlockPlan plan : plans) {
            // A tied head is the embedding again.
            chain.add(stored.computeIfAbsent(plan.tensors(), tensors -> store(checkpoint, tensors, quantize)));
            progress.stored(chain.size(), plans.size());
        }
        return new ModelManifest(
                fields.node(), chain, zoo.putFile(tokenizer), template, special, checkpoint.generationDefaults());
    }

    private static void check(Checkpoint checkpoint, BlockPlan.Tensor t) {
        long rows = 0;
        DType type = null;
        for (BlockPlan.Source source : t.sources()) {
            StoredTensor tensor = checkpoint.tensor(source.name());
            long count = source.rows() == 0 ? tensor.rows() : source.rows();
            if (source.firstRow() + count > tensor.rows()
                    || tensor.columns() != t.columns()
                    || (t.sources().size() == 1 && count != t.rows())) {
                throw new CheckpointException("tensor '" + tensor.name() + "' is [" + tensor.rows() + ", "
                        + tensor.columns() + "], but the config says [" + t.rows() + ", " + t.columns() + "]");
            }
            if (type != null && tensor.type() != type) {
                throw new CheckpointException("tensor '" + tensor.name() + "' is " + tensor.type() + ", but '"
                        + t.sources().getFirst().name() + "', which goes into the same matrix, is " + type);
            }
            type = tensor.type();
            rows += count;
        }
        if (rows != t.rows()) {
            throw new CheckpointException(
                    "the tensors from '" + t.sources().getFirst().name() + "' on have " + rows
                            + " rows together, but the config says " + t.rows());
        }
    }

    private String store(Checkpoint checkpoint, List<BlockPlan.Tensor> plans, Quantization quantize) {
        try (Arena arena = Arena.ofShared()) {
            List<BlockTensor> tensors = new ArrayList<>();
            for (BlockPlan.Tensor t : plans) {
                MemorySegment[] rows = rows(checkpoint, t);
                DType type = checkpoint.tensor(t.sources().getFirst().name()).type();
                tensors.add(t.vector() ? vector(t, type, rows[0], arena) : matrix(t, type, rows, quantize, arena));
            }
            return zoo.put(tensors);
        }
    }

    static MemorySegment[] rows(Checkpoint checkpoint, BlockPlan.Tensor t) {
        MemorySegment[] rows = new MemorySegment[t.rows()];
        int at = 0;
        for (BlockPlan.Source source : t.sources()) {
            StoredTensor tensor = checkpoint.tensor(source.name());
            int count = source.rows() == 0 ? (int) tensor.rows() : source.rows();
            for (int r = 0; r < count; r++) {
                rows[at++] = tensor.row(source.firstRow() + r);
            }
        }
        return rows;
    }

    private static BlockTensor vector(BlockPlan.Tensor t, DType type, MemorySegment row, Arena arena) {
        float[] values = new float[t.columns()];
        Quantizer.floats(type, row, t.columns(), values);
        MemorySegment data = arena.allocate(BlockTensor.bytes(DType.F32, 1, t.columns(), true), 64);
        for (int i = 0; i < values.length; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, t.addOne() ? values[i] + 1 : values[i]);
        }
        return new BlockTensor(t.role(), DType.F32, 1, t.columns(), true, data);
    }

    private static BlockTensor matrix(
            BlockPlan.Tensor t, DType type, MemorySegment[] rows, Quantization quantize, Arena arena) {
        DType to = quantize.of(type, t.columns());
        MemorySegment[] stored = rows;
        if (to != type) {
            MemorySegment blocks = arena.allocate(t.rows() * to.rowBytes(t.columns()), 64);
            stored = new MemorySegment[rows.length];
            for (int r = 0; r < rows.length; r++) {
                stored[r] = blocks.asSlice(r * to.rowBytes(t.columns()), to.rowBytes(t.columns()));
            }
            MemorySegment[] into = stored;
            IntStream.range(0, rows.length).parallel().forEach(r -> {
                float[] values = new float[t.columns()];
                Quantizer.floats(type, rows[r], t.columns(), values);
                Quantizer.quantize(to, values, t.columns(), into[r]);
            });
        }
        MemorySegment data = arena.allocate(Panels.bytes(to, t.rows(), t.columns()), 64);
        Panels.pack(to, stored, t.columns(), data);
        return new BlockTensor(t.role(), to, t.rows(), t.columns(), false, data);
    }

    /** @param base the model that the adapter changes */
    public AdapterManifest adapter(Checkpoint folder, String baseName, ModelManifest base) {
        Fields f = folder.config();
        if (!f.text("peft_type").equalsIgnoreCase("LORA")) {
            throw f.wrong("peft_type", "LORA");
        }
        if (f.has("modules_to_save") && !f.node().get("modules_to_save").isEmpty()) {
            throw new CheckpointException(f.source()
                    + ": 'modules_to_save' replaces whole modules of the base; adapters that do are not supported");
        }
        if (f.flag("use_dora", false)) {
            throw new CheckpointException(f.source() + ": 'use_dora' is true; DoRA adapters are not supported");
        }
        if (f.has("bias") && !f.text("bias").equals("none")) {
            throw f.wrong("bias", "none");
        }
        for (String pattern : List.of("rank_pattern", "alpha_pattern")) {
            if (f.has(pattern) && !f.node().get(pattern).isEmpty()) {
                throw new CheckpointException(f.source() + ": '" + pattern + "' is not supported");
            }
        }
        int rank = f.positiveInt("r");
        if (rank > io.ashlar.compute.LowRank.MOST) {
            throw f.wrong("r", "at most " + io.ashlar.compute.LowRank.MOST);
        }
        double alpha = f.number("lora_alpha");
        double scale = f.flag("use_rslora", false) ? alpha / Math.sqrt(rank) : alpha / rank;
        try (Arena arena = Arena.ofShared()) {
            String block = zoo.put(adapterTensors(folder, rank, scale, base, arena));
            return new AdapterManifest(baseName, block, rank, (float) scale);
        }
    }

    /**
     * A fine-tune as its base's blocks plus differences of a rank: what it makes of the base is nearly the fine-tune.
     *
     * @param rank of each projection's difference
     */
    public AdapterManifest difference(Checkpoint fineTune, String baseName, ModelManifest base, int rank) {
        try (Arena arena = Arena.ofShared()) {
            return new AdapterManifest(baseName, zoo.put(new Difference(zoo, rank).of(fineTune, base, arena)), rank, 1);
        }
    }

    private static List<BlockTensor> adapterTensors(
            Checkpoint folder, int rank, double scale, ModelManifest base, Arena arena) {
        Family family = base.family();
        ModelConfig config = base.modelConfig();
        List<BlockPlan> plans = family.blocks(config, false);
        Set<String> left = new HashSet<>(folder.tensorNames());
        TreeMap<String, BlockTensor> tensors = new TreeMap<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            for (BlockPlan.Tensor projection : plans.get(1 + layer).tensors()) {
                if (!Family.ADAPTABLE.contains(projection.role())) {
                    continue;
                }
                String source = family.adaptableSource(layer, projection.role());
                String a = ADAPTER_PREFIX + source + ".lora_A.weight";
                String b = ADAPTER_PREFIX + source + ".lora_B.weight";
                if (!left.remove(a) | !left.remove(b)) {
                    continue;
                }
                String name = layer + "." + projection.role();
                tensors.put(name + ".a", floats(folder.tensor(a), name + ".a", rank, projection.columns(), 1, arena));
                tensors.put(name + ".b", floats(folder.tensor(b), name + ".b", projection.rows(), rank, scale, arena));
            }
        }
        if (!left.isEmpty()) {
            throw new CheckpointException("the adapter changes '"
                    + left.iterator().next() + "', which the base model does not have or cannot change");
        }
        if (tensors.isEmpty()) {
            throw new CheckpointException("the adapter has no lora_A and lora_B tensors");
        }
        return List.copyOf(tensors.values());
    }

    /** A matrix of an adapter in float32, times a factor. */
    private static BlockTensor floats(StoredTensor t, String role, int rows, int columns, double scale, Arena arena) {
        if (t.rows() != rows || t.columns() != columns) {
            throw new CheckpointException("tensor '" + t.name() + "' is [" + t.rows() + ", " + t.columns()
                    + "], but the config says [" + rows + ", " + columns + "]");
        }
        MemorySegment[] stored = new MemorySegment[rows];
        float[] values = new float[columns];
        for (int r = 0; r < rows; r++) {
            Quantizer.floats(t.type(), t.row(r), columns, values);
            MemorySegment row = arena.allocate(columns * 4L, 4);
            for (int k = 0; k < columns; k++) {
                row.setAtIndex(ValueLayout.JAVA_FLOAT, k, (float) (values[k] * scale));
            }
            stored[r] = row;
        }
        MemorySegment data = arena.allocate(Panels.bytes(DType.F32, rows, columns), 64);
        Panels.pack(DType.F32, stored, columns, data);
        return new BlockTensor(role, DType.F32, rows, columns, false, data);
    }
}
