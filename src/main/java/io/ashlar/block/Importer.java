package io.ashlar.block;

import io.ashlar.model.BlockPlan;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.Family;
import io.ashlar.model.Fields;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.format.HuggingFaceFolder;
import io.ashlar.model.format.StoredTensor;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.Tokenizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Cuts checkpoints into blocks and stores them in the zoo. Everything is checked before anything is written. */
public final class Importer {
    private static final List<String> SPECIAL_TOKENS = List.of("bos_token", "eos_token", "pad_token", "unk_token");
    private static final String ADAPTER_PREFIX = "base_model.model.";

    private final BlockZoo zoo;

    public Importer(BlockZoo zoo) {
        this.zoo = zoo;
    }

    public ModelManifest model(HuggingFaceFolder folder) {
        Fields fields = folder.config();
        Family family = Family.of(fields.text("model_type"));
        ModelConfig config = family.config(fields);
        List<List<BlockTensor>> blocks = new ArrayList<>();
        for (BlockPlan plan : family.blocks(config)) {
            List<BlockTensor> tensors = new ArrayList<>();
            for (BlockPlan.Tensor t : plan.tensors()) {
                tensors.add(checked(folder.tensor(t.source()), t.role(), t.rows(), t.columns()));
            }
            blocks.add(tensors);
        }
        byte[] tokenizer = folder.tokenizer();
        new Tokenizer(tokenizer, config.vocabularySize()).close();
        String template = folder.chatTemplate();
        Map<String, String> special = new HashMap<>();
        for (String name : SPECIAL_TOKENS) {
            String text = folder.specialToken(name);
            if (text != null) {
                special.put(name, text);
            }
        }
        if (template != null) {
            new ChatTemplate(template, special).check();
        }
        List<String> chain = blocks.stream().map(zoo::put).toList();
        return new ModelManifest(
                fields.node(), chain, zoo.putFile(tokenizer), template, special, folder.generationDefaults());
    }

    /** @param base the model that the adapter changes */
    public AdapterManifest adapter(HuggingFaceFolder folder, String baseName, ModelManifest base) {
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
        double alpha = f.number("lora_alpha");
        double scale = f.flag("use_rslora", false) ? alpha / Math.sqrt(rank) : alpha / rank;
        return new AdapterManifest(baseName, zoo.put(adapterTensors(folder, rank, base)), rank, (float) scale);
    }

    private static List<BlockTensor> adapterTensors(HuggingFaceFolder folder, int rank, ModelManifest base) {
        Family family = base.family();
        ModelConfig config = base.modelConfig();
        Map<String, BlockPlan.Tensor> projections = new HashMap<>();
        for (BlockPlan plan : family.blocks(config)) {
            plan.tensors().forEach(t -> projections.put(t.source(), t));
        }
        Set<String> left = new HashSet<>(folder.tensorNames());
        TreeMap<String, BlockTensor> tensors = new TreeMap<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            for (String role : family.adaptable().keySet()) {
                String source = family.adaptableSource(layer, role);
                String a = ADAPTER_PREFIX + source + ".lora_A.weight";
                String b = ADAPTER_PREFIX + source + ".lora_B.weight";
                if (!left.remove(a) | !left.remove(b)) {
                    continue;
                }
                BlockPlan.Tensor projection = projections.get(source + ".weight");
                if (projection == null) {
                    throw new IllegalStateException("the family plans no tensor " + source);
                }
                String name = layer + "." + role;
                tensors.put(name + ".a", checked(folder.tensor(a), name + ".a", rank, projection.columns()));
                tensors.put(name + ".b", checked(folder.tensor(b), name + ".b", projection.rows(), rank));
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

    private static BlockTensor checked(StoredTensor t, String role, int rows, int columns) {
        if (t.rows() != rows || t.columns() != columns) {
            throw new CheckpointException("tensor '" + t.name() + "' is [" + t.rows() + ", " + t.columns()
                    + "], but the config says [" + rows + ", " + columns + "]");
        }
        return new BlockTensor(role, t.type(), rows, columns, t.data());
    }
}
