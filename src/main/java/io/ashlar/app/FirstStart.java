package io.ashlar.app;

import io.ashlar.access.Actor;
import io.ashlar.access.Role;
import io.ashlar.block.Importer;
import io.ashlar.block.Quantization;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenants;
import io.ashlar.serving.ModelLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * What a new installation begins with: the demo models, tenant {@code demo} with a key and grants, an administrator. Done in
 * steps that find what an interrupted start left; the secrets are on disk before the transaction that makes them valid ends.
 */
final class FirstStart {
    static final String ADMINISTRATOR = "admin";
    static final String TENANT = "demo";
    private static final Actor ACTOR = Actor.SYSTEM;
    private static final String PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    private static final int PASSWORD_LENGTH = 20;

    /** The models in the jar, bases before what changes them. */
    private static final List<String> MODELS = List.of("demo-base", "demo-pirate", "demo-draft", "demo-brief");

    private static final List<String> FILES = List.of(
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "adapter_config.json",
            "adapter_model.safetensors");

    /** What is told once. */
    record Facts(String adminPassword, String apiKey, String adminKey) {
        @Override
        public String toString() {
            return "Facts[secret]";
        }
    }

    private final ModelLibrary library;
    private final Catalog catalog;
    private final Tenants tenants;
    private final ApiKeys keys;
    private final AdminKeys adminKeys;
    private final Members members;
    private final TransactionTemplate transactions;
    private final SecureRandom random;

    FirstStart(
            ModelLibrary library,
            Catalog catalog,
            Tenants tenants,
            ApiKeys keys,
            AdminKeys adminKeys,
            Members members,
            TransactionTemplate transactions,
            SecureRandom random) {
        this.library = library;
        this.catalog = catalog;
        this.tenants = tenants;
        this.keys = keys;
        this.adminKeys = adminKeys;
        this.members = members;
        this.transactions = transactions;
        this.random = random;
    }

    /**
     * @param api the address of the API door, for the file
     * @return null when the installation is not new
     */
    @Nullable
    Facts run(DataFolder folder, String api, String console) {
        if (!members.none()) {
            return null;
        }
        for (String model : MODELS) {
            if (catalog.model(model).isEmpty()) {
                importDemo(model, folder.path());
            }
        }
        return transactions.execute(t -> {
            UUID tenant = tenants.create(TENANT, ACTOR);
            for (Deployment deployment : catalog.deployments()) {
                catalog.grant(tenant, deployment.name(), ACTOR);
            }
            Facts facts = new Facts(
                    password(), keys.create(tenant, "first key", null, ACTOR), adminKeys.create("first key", ACTOR));
            members.create(ADMINISTRATOR, facts.adminPassword(), Role.PLATFORM_ADMINISTRATOR, null, ACTOR);
            DataFolder.writePrivately(folder.firstStartFile(), """
                    api=%s
                    console=%s
                    admin_user=%s
                    admin_password=%s
                    api_key=%s
                    admin_key=%s
                    """.formatted(
                            api, console, ADMINISTRATOR, facts.adminPassword(), facts.apiKey(), facts.adminKey()));
            return facts;
        });
    }

    private void importDemo(String model, Path data) {
        Path folder = null;
        try {
            folder = Files.createTempDirectory(data, "import");
            for (String file : FILES) {
                try (InputStream in = FirstStart.class.getResourceAsStream("/demo-models/" + model + "/" + file)) {
                    if (in != null) {
                        Files.copy(in, folder.resolve(file));
                    }
                }
            }
            library.importModel(folder, model, null, Quantization.NONE, Importer.Progress.NONE, ACTOR);
        } catch (IOException e) {
            throw new UncheckedIOException("the demo model " + model + " cannot be unpacked into " + data, e);
        } finally {
            delete(folder);
        }
    }

    private static void delete(@Nullable Path folder) {
        if (folder == null) {
            return;
        }
        try {
            for (String file : FILES) {
                Files.deleteIfExists(folder.resolve(file));
            }
            Files.delete(folder);
        } catch (IOException e) {
            System.getLogger(FirstStart.class.getName()).log(System.Logger.Level.WARNING, "cannot delete " + folder, e);
        }
    }

    private String password() {
        StringBuilder password = new StringBuilder();
        for (int i = 0; i < PASSWORD_LENGTH; i++) {
            password.append(PASSWORD_LETTERS.charAt(random.nextInt(PASSWORD_LETTERS.length())));
        }
        return password.toString();
    }
}
