package io.ashlar.app;

import io.ashlar.database.StartFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.BindHandler;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.UnboundConfigurationPropertiesException;
import org.springframework.boot.context.properties.bind.handler.NoUnboundElementsBindHandler;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.core.io.FileSystemResource;

/** Reads {@link AshlarProperties} from everywhere they may stand. An unknown key in the file is an error. */
public final class Configuration {
    private static final String PREFIX = "ashlar";

    private Configuration() {}

    /**
     * @param file YAML; null for none
     * @param commandLine values that come before all others, by key
     */
    public static AshlarProperties read(@Nullable Path file, Map<String, String> commandLine) {
        return read(file, commandLine, System.getenv());
    }

    static AshlarProperties read(
            @Nullable Path file, Map<String, String> commandLine, Map<String, String> environment) {
        List<PropertySource<?>> sources = new ArrayList<>();
        Map<String, Object> first = new HashMap<>();
        commandLine.forEach((key, value) -> first.put(PREFIX + "." + key, value));
        sources.add(new MapPropertySource("command line", first));
        sources.add(new SystemEnvironmentPropertySource(
                StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, new HashMap<>(environment)));
        if (file != null) {
            sources.addAll(yaml(file));
        }
        Iterable<ConfigurationPropertySource> all = sources.stream()
                .map(ConfigurationPropertySource::from)
                .filter(java.util.Objects::nonNull)
                .toList();
        BindHandler strict = new NoUnboundElementsBindHandler(
                BindHandler.DEFAULT,
                source -> !(source.getUnderlyingSource() instanceof SystemEnvironmentPropertySource));
        try {
            return new Binder(all).bindOrCreate(PREFIX, Bindable.of(AshlarProperties.class), strict);
        } catch (BindException e) {
            throw failure(file, e);
        }
    }

    private static List<PropertySource<?>> yaml(Path file) {
        if (!Files.isReadable(file)) {
            throw new StartFailure("the configuration file " + file + " cannot be read");
        }
        try {
            List<PropertySource<?>> prefixed = new ArrayList<>();
            for (PropertySource<?> source :
                    new YamlPropertySourceLoader().load(file.toString(), new FileSystemResource(file))) {
                Map<String, Object> values = new HashMap<>();
                if (source instanceof EnumerablePropertySource<?> enumerable) {
                    for (String key : enumerable.getPropertyNames()) {
                        values.put(PREFIX + "." + key, enumerable.getProperty(key));
                    }
                }
                prefixed.add(new MapPropertySource(file.toString(), values));
            }
            return prefixed;
        } catch (IOException | RuntimeException e) {
            throw new StartFailure("the configuration file " + file + " is not valid YAML: " + firstLine(e), e);
        }
    }

    private static StartFailure failure(@Nullable Path file, BindException e) {
        String where = file == null ? "" : " (see the command line, the environment and " + file + ")";
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnboundConfigurationPropertiesException unknown) {
                Set<String> keys = new TreeSet<>();
                unknown.getUnboundProperties()
                        .forEach(p -> keys.add(p.getName().toString().substring(PREFIX.length() + 1)));
                return new StartFailure(
                        "unknown configuration key " + String.join(", ", keys) + where
                                + "; the README lists the keys there are",
                        e);
            }
        }
        String key = e.getName().toString();
        String name = key.startsWith(PREFIX + ".") ? key.substring(PREFIX.length() + 1) : key;
        Object value = e.getProperty() == null ? "" : e.getProperty().getValue();
        return new StartFailure("the configuration key " + name + " cannot be '" + value + "'" + where, e);
    }

    private static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
}
