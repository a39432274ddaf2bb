package io.ashlar.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.engine.DemoModels;
import io.ashlar.model.CheckpointException;
import io.ashlar.model.format.Checkpoint;
import io.ashlar.model.format.StoredTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImportTest {
    private static final List<String> SMALL_FILES =
            List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json");

    @TempDir
    Path root;

    private BlockZoo zoo;

    @BeforeEach
    void open() {
        zoo = new BlockZoo(root.resolve("zoo"));
    }

    private ModelManifest importModel(Path folder) {
        try (Checkpoint opened = Checkpoint.open(folder)) {
            return new Importer(zoo).model(opened, Quantization.NONE, Importer.Progress.NONE);
        }
    }

    private Path copyWithoutWeights(String name) throws IOException {
        Path folder = Files.createDirectory(root.resolve(name));
        for (String file : SMALL_FILES) {
            Files.copy(DemoModels.FOLDER.resolve("demo-base").resolve(file), folder.resolve(file));
        }
        return folder;
    }

    /** Demo-base's tensors in a type, in as many shards. */
    private Path rewritten(String name, String type, int shards) throws IOException {
        Path folder = copyWithoutWeights(name);
        List<StringBuilder> headers = new ArrayList<>();
        List<ByteArrayOutputStream> datas = new ArrayList<>();
        for (int i = 0; i < shards; i++) {
            headers.add(new StringBuilder("{"));
            datas.add(new ByteArrayOutputStream());
        }
        StringBuilder index = new StringBuilder("{\"metadata\":{},\"weight_map\":{");
        try (Checkpoint base = Checkpoint.open(DemoModels.FOLDER.resolve("demo-base"))) {
            int n = 0;
            for (String tensorName : base.tensorNames().stream().sorted().toList()) {
                StoredTensor t = base.tensor(tensorName);
                int shard = n++ % shards;
                ByteArrayOutputStream data = datas.get(shard);
                int begin = data.size();
                for (long i = 0; i < t.rows() * t.columns(); i++) {
                    float value = Float.intBitsToFloat(t.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i) << 16);
                    ByteBuffer bytes = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
                    if (type.equals("F32")) {
                        data.write(bytes.putFloat(value).array(), 0, 4);
                    } else {
                        data.write(bytes.putShort(Float.floatToFloat16(value)).array(), 0, 2);
                    }
                }
                StringBuilder header = headers.get(shard);
                header.append(header.length() > 1 ? "," : "")
                        .append("\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                                .formatted(tensorName, type, java.util.Arrays.toString(t.shape()), begin, data.size()));
                index.append(n > 1 ? "," : "").append("\"%s\":\"%s\"".formatted(tensorName, shardName(shard)));
            }
        }
        for (int i = 0; i < shards; i++) {
            byte[] header = headers.get(i).append('}').toString().getBytes(StandardCharsets.UTF_8);
            ByteBuffer length =
                    ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length);
            ByteArrayOutputStream file = new ByteArrayOutputStream();
            file.writeBytes(length.array());
            file.writeBytes(header);
            file.writeBytes(datas.get(i).toByteArray());
            Files.write(folder.resolve(shardName(i)), file.toByteArray());
        }
        Files.writeString(folder.resolve("model.safetensors.index.json"), index.append("}}"));
        return folder;
    }

    private static String shardName(int shard) {
        return "model-0000" + (shard + 1) + ".safetensors";
    }

    /** Demo-base with a head of its own, which has the embedding's values. */
    private Path withItsOwnHead() throws IOException {
        Path folder = rewritten("untied", "F32", 1);
        Path config = folder.resolve("config.json");
        Files.writeString(
                config,
                Files.readString(config).replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"));
        Path weights = folder.resolve(shardName(0));
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(weights)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[(int) file.getLong()];
        file.get(header);
        String json = new String(header, StandardCharsets.UTF_8);
        String embedding = json.substring(json.indexOf("{\"dtype\"", json.indexOf("embed_tokens")));
        embedding = embedding.substring(0, embedding.indexOf('}') + 1);
        byte[] more = (json.substring(0, json.length() - 1) + ",\"lm_head.weight\":" + embedding + "}")
                .getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(more.length)
                .array());
        out.writeBytes(more);
        byte[] data = new byte[file.remaining()];
        file.get(data);
        out.writeBytes(data);
        Files.write(weights, out.toByteArray());
        Path index = folder.resolve("model.safetensors.index.json");
        Files.writeString(
                index, Files.readString(index).replace("}}", ",\"lm_head.weight\":\"" + shardName(0) + "\"}}"));
        return folder;
    }

    @Test
    void a_model_in_shards_of_another_type_answers_the_same() throws IOException {
        try (CpuDevice device = new CpuDevice(1)) {
            DemoModels demo = new DemoModels(root.resolve("demo"), device);
            int[] prompt = demo.prompt("Tell me about France.");
            List<Integer> expected =
                    DemoModels.greedyTokens(demo, device, demo.manifest("demo-base"), demo.zoo, prompt);
            assertThat(expected).hasSizeGreaterThan(20);
            ModelManifest single = importModel(rewritten("f32", "F32", 3));
            assertThat(DemoModels.greedyTokens(demo, device, single, zoo, prompt))
                    .isEqualTo(expected);
            assertThat(DemoModels.greedyTokens(demo, device, importModel(withItsOwnHead()), zoo, prompt))
                    .isEqualTo(expected);
            ModelManifest half = importModel(rewritten("f16", "F16", 2));
            assertThat(DemoModels.greedyTokens(demo, device, half, zoo, prompt)).isEqualTo(expected);
        }
    }

    @Test
    void equal_blocks_are_stored_once_and_a_tied_head_is_the_embedding() {
        ModelManifest base = importModel(DemoModels.FOLDER.resolve("demo-base"));
        ModelManifest pirate = importModel(DemoModels.FOLDER.resolve("demo-pirate"));
        assertThat(base.chain()).hasSize(9);
        assertThat(base.chain().getLast()).isEqualTo(base.chain().getFirst());
        assertThat(pirate.chain().subList(0, 5)).isEqualTo(base.chain().subList(0, 5));
        assertThat(pirate.chain().subList(5, 7)).doesNotContainAnyElementsOf(base.chain());
        assertThat(pirate.chain().subList(7, 9)).isEqualTo(base.chain().subList(7, 9));
        assertThat(importModel(DemoModels.FOLDER.resolve("demo-base")).chain()).isEqualTo(base.chain());
    }

    @Test
    void a_sweep_keeps_what_is_named_and_frees_the_rest() {
        ModelManifest base = importModel(DemoModels.FOLDER.resolve("demo-base"));
        ModelManifest pirate = importModel(DemoModels.FOLDER.resolve("demo-pirate"));
        Set<String> keep = new HashSet<>(base.chain());
        keep.add(base.tokenizer());
        long two = zoo.bytes(pirate.chain().get(5)) + zoo.bytes(pirate.chain().get(6));
        assertThat(zoo.sweep(keep)).isEqualTo(two);
        assertThat(zoo.sweep(keep)).isZero();
        assertThatThrownBy(() -> zoo.bytes(pirate.chain().get(5))).isInstanceOf(java.io.UncheckedIOException.class);
    }

    @Test
    void what_is_wrong_with_a_checkpoint_is_said_with_its_place() throws IOException {
        Path folder = copyWithoutWeights("broken");
        assertThatThrownBy(() -> importModel(folder)).hasMessageContaining("has no model.safetensors");
        Files.writeString(folder.resolve("model.safetensors"), "not a safetensors file");
        assertThatThrownBy(() -> importModel(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("damaged, truncated or not a safetensors file");
        String config = Files.readString(folder.resolve("config.json"));
        Files.copy(
                DemoModels.FOLDER.resolve("demo-base/model.safetensors"),
                folder.resolve("model.safetensors"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        for (String[] change : new String[][] {
            {"\"hidden_size\": 256", "\"hidden_size\": \"many\"", "'hidden_size' must be a positive integer"},
            {"\"hidden_size\": 256", "\"hidden_size\": 128", "is [1536, 256], but the config says [1536, 128]"},
            {"\"llama\"", "\"mamba\"", "model_type 'mamba' is not supported"},
            {"\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "'num_key_value_heads' must be a divisor"},
            {"\"attention_bias\": false", "\"attention_bias\": true", "biases are not supported"},
        }) {
            Files.writeString(folder.resolve("config.json"), config.replace(change[0], change[1]));
            assertThatThrownBy(() -> importModel(folder))
                    .as(change[1])
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining(change[2]);
        }
        Files.writeString(folder.resolve("config.json"), "{");
        assertThatThrownBy(() -> importModel(folder)).hasMessageContaining("config.json is not valid JSON");
    }
}
