import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.LenientErrorHandler;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseBundle;
import org.hl7.fhir.instance.model.api.IBaseResource;

/**
 * HAPI FHIR's own validator: java Validate r4|r5 BUNDLE ...
 * One line a finding (file, severity, place, message), and a last one a file with VALIDATED for its severity.
 */
public class Validate {

  public static void main(String[] args) throws Exception {
    FhirContext fhir = args[0].equals("r5") ? FhirContext.forR5() : FhirContext.forR4();
    fhir.setParserErrorHandler(new LenientErrorHandler(false).setErrorOnInvalidValue(false)); // finding faults is the validator's
    List<String> bundles = new ArrayList<>();
    PrePopulatedValidationSupport own = new PrePopulatedValidationSupport(fhir);
    for (int i = 1; i < args.length; i++) {
      bundles.add(Files.readString(Path.of(args[i])));
      IBaseBundle bundle = (IBaseBundle) fhir.newJsonParser().parseResource(bundles.get(i - 1));
      for (IBaseResource resource : fhir.newTerser().getAllPopulatedChildElementsOfType(bundle, IBaseResource.class)) {
        if (List.of("CodeSystem", "ValueSet").contains(fhir.getResourceType(resource))) {
          own.addResource(resource);
        }
      }
    }
    ValidationSupportChain support = new ValidationSupportChain(
        new DefaultProfileValidationSupport(fhir), own,
        new CommonCodeSystemsTerminologyService(fhir),
        new InMemoryTerminologyServerValidationSupport(fhir),
        new UnknownCodeSystemWarningValidationSupport(fhir)); // LOINC, SNOMED CT and others are not to be had here
    FhirInstanceValidator instance = new FhirInstanceValidator(support);
    instance.setAnyExtensionsAllowed(true); // ours are told in docs/standards.md
    FhirValidator validator = fhir.newValidator().registerValidatorModule(instance);
    for (int i = 0; i < bundles.size(); i++) {
      for (SingleValidationMessage message : validator.validateWithResult(bundles.get(i)).getMessages()) {
        System.out.println(String.join("\t", args[i + 1], message.getSeverity().name(),
            String.valueOf(message.getLocationString()), message.getMessage().replaceAll("\\s+", " ")));
      }
      System.out.println(String.join("\t", args[i + 1], "VALIDATED", "", ""));
    }
  }
}
