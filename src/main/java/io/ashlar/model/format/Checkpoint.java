package io.ashlar.model.format;

import io.ashlar.model.Fields;
import io.ashlar.model.GenerationDefaults;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A model or adapter as people have it, whatever its format; names and configuration are Hugging Face's. */
public interface Checkpoint extends AutoCloseable {
    /** Opens a folder (config.json and safetensors, or a single GGUF file in it) or a GGUF file. */
    static Checkpoint open(Path path) {
        if (Files.isRegularFile(path)) {
            return new GgufFile(path);
        }
        return new HuggingFaceFolder(path);
    }

    boolean isAdapter();

    /** The config.json, or adapter_config.json. */
    Fields config();

    StoredTensor tensor(String name);

    boolean hasTensor(String name);

    Set<String> tensorNames();

    /** The tokenizer.json. */
    byte[] tokenizer();

    /** The chat template; null where the model has none. */
    @Nullable
    String chatTemplate();

    /** The text of a special token that templates refer to, such as {@code bos_token}; null where there is none. */
    @Nullable
    String specialToken(String name);

    GenerationDefaults generationDefaults();

    /** Whether norms need nothing added, whatever the family. */
    boolean normsStoredWhole();

    @Override
    void close();
}
