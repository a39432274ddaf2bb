package io.ashlar.model.text;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.ext.NamedParameter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.objects.Namespace;
import io.ashlar.model.CheckpointException;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model's chat template: messages to the text of a prompt. Templates are Jinja with Python's string methods, as Hugging
 * Face's tokenizers render them (blocks trimmed, {@code raise_exception}, {@code strftime_now}, {@code tojson}). What a
 * message says is never taken for a template.
 */
public final class ChatTemplate {
    /** The template refused the messages: its own words. */
    public static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1;

        public Refusal(String message) {
            super(message);
        }
    }

    private static final long MAX_OUTPUT = 64L << 20;

    private final String source;
    private final Map<String, String> specialTokens;
    private final Jinjava jinjava;

    public ChatTemplate(String source, Map<String, String> specialTokens) {
        this(source, specialTokens, Clock.systemDefaultZone());
    }

    /** @param clock what {@code strftime_now} tells */
    public ChatTemplate(String source, Map<String, String> specialTokens, Clock clock) {
        this.source = PythonSyntax.toJinjava(source);
        this.specialTokens = specialTokens;
        this.jinjava = new Jinjava(JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withNestedInterpretationEnabled(false)
                .withMaxOutputSize(MAX_OUTPUT)
                .withElResolver(PythonMethods.resolver())
                .withLegacyOverrides(LegacyOverrides.newBuilder()
                        .withEvaluateMapKeys(true)
                        .withIterateOverMapKeys(true)
                        .withUsePyishObjectMapper(true)
                        .withUseNaturalOperatorPrecedence(true)
                        .withParseWhitespaceControlStrictly(true)
                        .withAllowAdjacentTextNodes(true)
                        .withUseTrimmingForNotesAndExpressions(true)
                        .withKeepNullableLoopValues(true)
                        .build())
                .build());
        var context = jinjava.getGlobalContext();
        context.registerFilter(new ToJson());
        context.registerFunction(
                new ELFunctionDefinition("", "raise_exception", ChatTemplate.class, "raiseException", String.class));
        context.registerFunction(
                new ELFunctionDefinition("", "strftime_now", ChatTemplate.class, "strftimeNow", String.class));
        context.registerFunction(
                new ELFunctionDefinition("", "namespace", ChatTemplate.class, "namespace", Object[].class));
        context.put(CLOCK, clock);
        // Functions are no variables to Jinjava, but templates ask whether they are defined.
        context.put("strftime_now", true);
        context.put("raise_exception", true);
    }

    private static final String CLOCK = "__ashlar_clock";

    /** Called by templates. */
    public static String raiseException(String message) {
        throw new Refusal(message);
    }

    /** Called by templates. */
    public static String strftimeNow(String format) {
        Object clock = com.hubspot.jinjava.interpret.JinjavaInterpreter.getCurrent()
                .getContext()
                .get(CLOCK);
        return Strftime.format(ZonedDateTime.now((Clock) clock), format);
    }

    /** Called by templates: {@code namespace(found=false, last=3)}. Jinjava's own keeps the parameters' wrapping. */
    public static Namespace namespace(@Nullable Object... parameters) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (Object parameter : parameters) {
            if (parameter instanceof NamedParameter named) {
                values.put(named.getName(), named.getValue());
            } else if (parameter instanceof Map<?, ?> map) {
                map.forEach((key, value) -> values.put(String.valueOf(key), value));
            }
        }
        return new Namespace(values);
    }

    /** Renders a small conversation, to find at import what would fail at the first request. */
    public void check() {
        try {
            render(List.of(Map.of("role", "user", "content", "Hello")), true);
        } catch (Refusal e) {
            // The template works: it only wants other messages.
        }
    }

    /**
     * @param messages each with {@code role} and {@code content}
     * @param addGenerationPrompt whether the text ends where the assistant's answer begins
     * @throws Refusal if the template calls {@code raise_exception}
     */
    public String render(List<Map<String, Object>> messages, boolean addGenerationPrompt) {
        Map<String, Object> variables = new HashMap<>(specialTokens);
        variables.put("messages", messages);
        variables.put("add_generation_prompt", addGenerationPrompt);
        RenderResult result = jinjava.renderForResult(source, variables);
        for (TemplateError error : result.getErrors()) {
            for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
                if (cause instanceof Refusal refusal) {
                    throw refusal;
                }
            }
        }
        for (TemplateError error : result.getErrors()) {
            if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
                throw new CheckpointException(String.format(
                        Locale.ROOT, "the chat template fails in line %d: %s", error.getLineno(), error.getMessage()));
            }
        }
        return result.getOutput();
    }
}
